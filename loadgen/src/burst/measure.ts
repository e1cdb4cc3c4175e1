/** Bursts of functions never seen before, over a steady stream of hot invocations of a few others. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../api/client.ts';
import { inTurns, settingUp } from '../api/set-up.ts';
import type { Measurement } from '../runner.ts';
import { perSecond } from '../tally.ts';
import { Background, type BackgroundFigures } from './background.ts';
import { type Burst, Crowd } from './crowd.ts';
import { type Window, Windows } from './windows.ts';

export interface BurstSettings {
  /** Each has connections of its own, so that neither waits for the other. */
  readonly burstClient: ApiClient;
  readonly backgroundClient: ApiClient;
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

const kSetUpConcurrency = 8;
const kErrorTexts = 5;

export async function measureBurst(settings: BurstSettings): Promise<BurstMeasurement> {
  const { burstClient, backgroundClient, everyMs, durationMs, signal } = settings;
  const prefix = `burst-${randomUUID().slice(0, 8)}`;
  const windows = new Windows();
  const background = new Background(backgroundClient, prefix, settings.backgroundPerSecond, windows);
  const crowd = new Crowd(burstClient, prefix, Math.floor(durationMs / everyMs), settings.size, windows);
  const created: string[] = [];
  const create = async (name: string, source: string) => {
    created.push(name);
    await burstClient.createAction(name, settings.kind, source, { memory: settings.memoryMb });
  };
  try {
    await settingUp(async () => {
      await background.setUp(create);
      const { actions } = crowd;
      await inTurns(actions.length, kSetUpConcurrency, signal, async (n) => {
        const { name = '', source = '' } = actions[n] ?? {};
        await create(name, source);
      });
    });
    const began = performance.now();
    const elapsedMs = () => performance.now() - began;
    const until = (ms: number) => sleep(Math.max(0, ms - elapsedMs()), undefined, { signal });
    const bursts: Promise<void>[] = [];
    background.start(elapsedMs, durationMs);
    try {
      for (let number = 0; number < crowd.bursts; number += 1) {
        // In the middle of its time, so that there is quiet before and behind it.
        await until((number + 0.5) * everyMs);
        bursts.push(crowd.burst(number, elapsedMs).then((burst) => settings.onBurst?.(burst)));
      }
      await until(durationMs);
      background.finish();
    } finally {
      background.stop();
    }
    await orAborted(Promise.all([...bursts, background.settled()]), signal);
    const { tally } = crowd;
    return {
      ...tally.totals(),
      perSecond: perSecond(tally.count - tally.errors, elapsedMs()),
      errorTexts: [...tally.errorTexts, ...background.errorTexts].slice(0, kErrorTexts),
      series: [tally.series('burst'), ...background.series],
      bursts: crowd.done,
      background: background.figures(),
      windows: windows.closed.map(([from, to]) => [from / 1000, to / 1000]),
    };
  } finally {
    const never = new AbortController().signal;
    await inTurns(settings.cleanUp ? created.length : 0, kSetUpConcurrency, never, (n) =>
      burstClient.deleteAction(created[n] ?? '').catch(() => {}),
    );
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
