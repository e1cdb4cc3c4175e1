/**
 * Runs a number of invocations, so many at a time, and gathers what came of them. Closed loop: a worker begins its next
 * invocation when the last one has ended, so a slow system is asked less often.
 */

import { errorText } from './errors.ts';
import { type Latencies, Samples } from './samples.ts';

export type StartKind = 'cold' | 'warm' | 'hot';

/** One successful invocation. */
export interface Measured {
  readonly ms: number;
  readonly start: StartKind;
}

export interface Measurement {
  readonly count: number;
  readonly errors: number;
  readonly starts: Record<StartKind, number>;
  readonly latencyMs: Latencies;
  readonly perSecond: number;
  /** The first few, for people. */
  readonly errorTexts: readonly string[];
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

const kErrorTexts = 5;
const kProgressMs = 2_000;

/** `invoke` rejects when its invocation failed or its answer was wrong. Rejects itself only when aborted. */
export async function measure(
  { count, durationMs = Infinity, concurrency, signal, onProgress }: RunOptions,
  invoke: (n: number, worker: number) => Promise<Measured>,
): Promise<Measurement> {
  const samples = new Samples();
  const starts = { cold: 0, warm: 0, hot: 0 };
  const errorTexts: string[] = [];
  let errors = 0;
  let next = 0;
  let done = 0;
  const progress = setInterval(() => onProgress?.(done, errors), kProgressMs);
  const began = performance.now();

  async function work(worker: number): Promise<void> {
    while (next < count && !signal.aborted && performance.now() - began < durationMs) {
      const n = next;
      next += 1;
      try {
        const { ms, start } = await invoke(n, worker);
        samples.add(ms);
        starts[start] += 1;
      } catch (error) {
        errors += 1;
        if (errorTexts.length < kErrorTexts) errorTexts.push(errorText(error));
      }
      done += 1;
    }
  }

  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, count) }, (_, worker) => work(worker)));
  } finally {
    clearInterval(progress);
  }
  signal.throwIfAborted();
  const seconds = (performance.now() - began) / 1000;
  return {
    count: done,
    errors,
    starts,
    latencyMs: samples.latencies(),
    perSecond: Math.round(((done - errors) / seconds) * 100) / 100,
    errorTexts,
  };
}
