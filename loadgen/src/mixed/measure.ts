/** The mixed load: creates the catalogue, invokes by popularity at the wanted pace, and takes footprints meanwhile. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../api/client.ts';
import { errorText, LoadError } from '../errors.ts';
import { type Measurement, measure, type RunOptions } from '../runner.ts';
import { catalogue } from './catalogue.ts';
import { type Footprint, takeFootprint } from './footprint.ts';
import { Pace } from './pace.ts';
import { Popularity } from './popularity.ts';

export interface MixedSettings {
  readonly client: ApiClient;
  readonly kind: string;
  readonly memoryMb: number;
  readonly actions: number;
  /** Share of the machine's CPU time to hold; undefined: as fast as it goes. */
  readonly cpuPercent: number | undefined;
  /** Process of the stack, when it is one of ours. */
  readonly pid: number | undefined;
  /** Each one as it is taken. */
  readonly onFootprint?: (footprint: Footprint) => void;
}

export interface MixedMeasurement extends Measurement {
  readonly cpuPercent: number;
  readonly footprints: readonly Footprint[];
  /** Invocations of each family. */
  readonly families: Readonly<Record<string, number>>;
}

const kExponent = 1;
const kFootprintMs = 10_000;

/** The record is stored after the answer. */
const kLogTries = 100;
const kLogTryMs = 50;

export async function measureMixed(settings: MixedSettings, options: RunOptions): Promise<MixedMeasurement> {
  const { client, kind, memoryMb, cpuPercent, pid, onFootprint } = settings;
  const prefix = `mixed-${randomUUID().slice(0, 8)}`;
  const actions = catalogue(settings.actions, prefix);
  const popularity = new Popularity(actions.length, kExponent, Math.random);
  const pace = new Pace(cpuPercent);
  const footprints: Footprint[] = [];
  const families: Record<string, number> = {};
  const nameOf = (at: number) => `${prefix}-${at}`;
  let [invocations, errors] = [0, 0];

  const began = performance.now();
  const look = async () => {
    if (pid === undefined) return;
    const taken = await takeFootprint(pid);
    const footprint = { seconds: Math.round((performance.now() - began) / 1000), ...taken, invocations, errors };
    footprints.push(footprint);
    onFootprint?.(footprint);
  };

  try {
    for (const [at, { source, limits }] of actions.entries()) {
      options.signal.throwIfAborted();
      await client.createAction(nameOf(at), kind, source, { memory: memoryMb, ...limits }).catch((error: unknown) => {
        throw new LoadError('SETUP_FAILED', errorText(error), { cause: error });
      });
    }
    pace.start();
    const timer = setInterval(() => void look(), kFootprintMs);
    try {
      const measurement = await measure(options, async (n) => {
        const at = popularity.next();
        const action = actions[at];
        if (action === undefined) throw new Error('no action');
        families[action.family] = (families[action.family] ?? 0) + 1;
        const from = performance.now();
        try {
          const answer = await client.activate(nameOf(at), action.argumentsOf(n));
          const ms = performance.now() - from;
          const wrong = action.check(n, answer);
          if (wrong !== undefined) throw new Error(`${action.family}, invocation ${n}: ${wrong}`);
          if (action.logsOf !== undefined) await checkLogs(client, answer.id, action.logsOf(n));
          return { ms, start: answer.start };
        } catch (error) {
          errors += 1;
          throw error;
        } finally {
          invocations += 1;
          await pace.rest(options.signal);
        }
      });
      return { ...measurement, cpuPercent: pace.meanPercent, footprints, families };
    } finally {
      clearInterval(timer);
      pace.stop();
    }
  } finally {
    for (const at of actions.keys()) await client.deleteAction(nameOf(at)).catch(() => {});
  }
}

async function checkLogs(client: ApiClient, activation: string, wanted: readonly string[]): Promise<void> {
  let got: readonly string[] = [];
  for (let attempt = 0; attempt < kLogTries; attempt += 1) {
    got = (await client.logs(activation)).map((line) => line.replace(/^\S+ +/, ''));
    if (got.length >= wanted.length) break;
    await sleep(kLogTryMs);
  }
  const sort = (lines: readonly string[]) =>
    ['stdout', 'stderr'].map((name) => lines.filter((each) => each.startsWith(name)));
  if (JSON.stringify(sort(got)) !== JSON.stringify(sort(wanted))) {
    throw new Error(`wrong logs of ${activation}: ${JSON.stringify(got).slice(0, 300)}`);
  }
}
