/** What precedes a measurement through the API. */

import { errorText, LoadError } from '../errors.ts';

/** A failure of the work is one of the set-up. */
export async function settingUp<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new LoadError('SETUP_FAILED', errorText(error), { cause: error });
  }
}

/** Does `count` things, `concurrency` at a time; the first failure ends it. */
export async function inTurns<T>(
  count: number,
  concurrency: number,
  signal: AbortSignal,
  work: (n: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      signal.throwIfAborted();
      const n = next;
      next += 1;
      results[n] = await work(n);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
  return results;
}
