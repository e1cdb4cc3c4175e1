/**
 * Invocations through the OpenWhisk API, end to end, blocking. Cold: one new action for each invocation, created
 * beforehand. Warm: one action for each worker, whose VM is ended between two invocations. Hot: one action, after a
 * warm-up with as many invocations at a time as are measured.
 */

import { randomUUID } from 'node:crypto';
import { type MeasuredFunction, uniqueFunction } from '../functions.ts';
import { type Measurement, measure, type RunOptions } from '../runner.ts';
import type { Measured } from '../tally.ts';
import type { ApiClient } from './client.ts';
import { inTurns, settingUp } from './set-up.ts';

export interface ApiSettings {
  readonly client: ApiClient;
  readonly mode: 'cold' | 'warm' | 'hot';
  readonly kind: string;
  readonly memoryMb: number;
  /** Ends the VMs of an action; needed for warm starts. */
  readonly endVms?: (action: string) => Promise<void>;
}

interface Action {
  readonly name: string;
  readonly measured: MeasuredFunction;
}

const kWarmUps = 100;
/** Longer than it takes until a snapshot is taken, as a rule. */
const kCaptureMs = 500;
const kWarmMs = 20_000;

export async function measureApi(settings: ApiSettings, options: RunOptions): Promise<Measurement> {
  const { client, mode, kind, memoryMb, endVms = () => Promise.resolve() } = settings;
  const prefix = `loadgen-${randomUUID()}`;
  const created: Action[] = [];
  const { count, concurrency, signal } = options;

  async function create(n: number): Promise<Action> {
    const action = { name: `${prefix}-${n}`, measured: uniqueFunction() };
    created.push(action);
    await client.createAction(action.name, kind, action.measured.source, { memory: memoryMb });
    return action;
  }

  async function invoke({ name, measured }: Action, n: number): Promise<Measured> {
    const from = performance.now();
    const { response, start } = await client.invoke(name, measured.argumentsOf(n));
    const ms = performance.now() - from;
    const wrong = measured.check(n, response.result);
    if (wrong !== undefined) throw new Error(wrong);
    return { ms, start };
  }

  /** Its first start is cold, and the snapshot is taken when its VM is idle. */
  async function untilWarm(action: Action): Promise<void> {
    for (const end = performance.now() + kWarmMs; performance.now() < end; ) {
      const { start } = await invoke(action, 0);
      if (start === 'warm') {
        await endVms(action.name);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, kCaptureMs));
      await endVms(action.name);
    }
    throw new Error('no start became warm');
  }

  try {
    if (mode === 'cold') {
      const actions = await settingUp(() => inTurns(count, concurrency, signal, create));
      return await measure(options, (n) => {
        const action = actions[n];
        return action === undefined ? Promise.reject(new Error('no action')) : invoke(action, n);
      });
    }
    if (mode === 'warm') {
      const actions = await settingUp(() => inTurns(Math.min(concurrency, count), concurrency, signal, create));
      await settingUp(() => inTurns(actions.length, concurrency, signal, (n) => untilWarm(actions[n] as Action)));
      return await measure(options, async (n, worker) => {
        const action = actions[worker];
        if (action === undefined) throw new Error('no action');
        const measured = await invoke(action, n);
        await endVms(action.name);
        return measured;
      });
    }
    const action = await settingUp(async () => {
      const only = await create(0);
      await inTurns(kWarmUps * Math.min(concurrency, count), concurrency, signal, (n) => invoke(only, n));
      return only;
    });
    return await measure(options, (n) => invoke(action, n));
  } finally {
    // Also of a stack that is not ours: nothing of the measurement stays behind. Its failure must not hide another.
    const never = new AbortController().signal;
    await inTurns(created.length, concurrency, never, (n) =>
      client.deleteAction(created[n]?.name ?? '').catch(() => {}),
    );
  }
}
