/** Bursts of functions never seen before, over a steady stream of hot invocations of a few others. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../api/client.ts';
import { inTurns, settingUp } from '../api/set-up.ts';
import type { Measurement } from '../runner.ts';
import { perSecond } from '../tally.ts';
import { Background, type BackgroundFigures } from './background.ts';
import { actionsOf, type Burst } from './crowd.ts';
import { CrowdThread } from './crowd-thread.ts';
import { type Window, Windows } from './windows.ts';

export interface BurstSettings {
  readonly url: string;
  readonly auth: string;
  readonly kind: string;
  readonly memoryMb: number;
  readonly size: number;
  readonly everyMs: number;
  readonly durationMs: number;
  readonly backgroundPerSecond: number;
  /** Whether the stack goes on behind the measurement. */
  readonly cleanUp: boolean;
  readonly signal: AbortSignal;
  /** Each one as it ends. */
  readonly onBurst?: (burst: Burst) => void;
}

/** Its totals are those of the bursts. */
export interface BurstMeasurement extends Measurement {
  readonly bursts: readonly Burst[];
  readonly background: BackgroundFigures;
  /** Seconds. */
  readonly windows: readonly Window[];
}

const kConnections = 64;
const kSetUpConcurrency = 8;
const kErrorTexts = 5;

export async function measureBurst(settings: BurstSettings): Promise<BurstMeasurement> {
  const { url, auth, kind, memoryMb, size, everyMs, durationMs, signal } = settings;
  const prefix = `burst-${randomUUID().slice(0, 8)}`;
  const bursts = Math.floor(durationMs / everyMs);
  const windows = new Windows();
  const client = new ApiClient(url, auth, kConnections);
  const background = new Background(client, prefix, settings.backgroundPerSecond, windows);
  const crowd = new CrowdThread({ url, auth, prefix, size });
  const created: string[] = [];
  const create = async (name: string, source: string) => {
    created.push(name);
    await client.createAction(name, kind, source, { memory: memoryMb });
  };
  try {
    await settingUp(async () => {
      await background.setUp(create);
      for (let number = 0; number < bursts; number += 1) {
        const actions = actionsOf(prefix, number, size);
        await inTurns(size, kSetUpConcurrency, signal, async (n) => {
          const { name, action } = actions[n] ?? {};
          if (name !== undefined && action !== undefined) await create(name, action.source);
        });
      }
    });
    const began = performance.now();
    const elapsedMs = () => performance.now() - began;
    const until = (ms: number) => sleep(Math.max(0, ms - elapsedMs()), undefined, { signal });
    const done: Burst[] = [];
    const burst = async (number: number) => {
      windows.begin(elapsedMs());
      const result = await crowd.burst(number, performance.timeOrigin + began);
      windows.end(elapsedMs());
      done.push(result);
      settings.onBurst?.(result);
    };
    const underWay: Promise<void>[] = [];
    background.start(elapsedMs, durationMs);
    try {
      for (let number = 0; number < bursts; number += 1) {
        // In the middle of its time, so that there is quiet before and behind it.
        await until((number + 0.5) * everyMs);
        const ending = burst(number);
        // Its failure is heard of at the end, or never when the run is aborted.
        ending.catch(() => {});
        underWay.push(ending);
      }
      await until(durationMs);
      background.finish();
    } finally {
      background.stop();
    }
    await orAborted(Promise.all([...underWay, background.settled()]), signal);
    const { series, errorTexts } = await crowd.figures();
    const { count, errors, starts, latencyMs } = series;
    return {
      ...{ count, errors, starts, latencyMs },
      perSecond: perSecond(count - errors, elapsedMs()),
      errorTexts: [...errorTexts, ...background.errorTexts].slice(0, kErrorTexts),
      series: [series, ...background.series],
      bursts: done,
      background: background.figures(),
      windows: windows.closed.map(([from, to]) => [from / 1000, to / 1000]),
    };
  } finally {
    await crowd.close();
    const never = new AbortController().signal;
    await inTurns(settings.cleanUp ? created.length : 0, kSetUpConcurrency, never, (n) =>
      client.deleteAction(created[n] ?? '').catch(() => {}),
    );
    await client.close();
  }
}

async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
