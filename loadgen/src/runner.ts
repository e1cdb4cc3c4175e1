/**
 * Runs a number of invocations, so many at a time, and gathers what came of them. Closed loop: a worker begins its next
 * invocation when the last one has ended, so a slow system is asked less often.
 */

import { type Measured, perSecond, type Series, Tally, type Totals } from './tally.ts';

export interface Measurement extends Totals {
  readonly perSecond: number;
  /** The first few, for people. */
  readonly errorTexts: readonly string[];
  readonly series: readonly Series[];
}

export interface RunOptions {
  /** Invocations; Infinity with a duration alone. */
  readonly count: number;
  /** No invocation begins after this time. */
  readonly durationMs?: number;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Progress, at most every two seconds. */
  readonly onProgress?: (done: number, errors: number) => void;
}

const kProgressMs = 2_000;

/** `invoke` rejects when its invocation failed or its answer was wrong. Rejects itself only when aborted. */
export async function measure(
  { count, durationMs = Infinity, concurrency, signal, onProgress }: RunOptions,
  invoke: (n: number, worker: number) => Promise<Measured>,
): Promise<Measurement> {
  const tally = new Tally();
  let next = 0;
  const progress = setInterval(() => onProgress?.(tally.count, tally.errors), kProgressMs);
  const began = performance.now();
  const elapsedMs = () => performance.now() - began;

  async function work(worker: number): Promise<void> {
    while (next < count && !signal.aborted && elapsedMs() < durationMs) {
      const n = next;
      next += 1;
      try {
        const measured = await invoke(n, worker);
        tally.add(elapsedMs() / 1000, measured);
      } catch (error) {
        tally.fail(error);
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, count) }, (_, worker) => work(worker)));
  } finally {
    clearInterval(progress);
  }
  signal.throwIfAborted();
  return {
    ...tally.totals(),
    perSecond: perSecond(tally.count - tally.errors, elapsedMs()),
    errorTexts: tally.errorTexts,
    series: [tally.series('invocations')],
  };
}
