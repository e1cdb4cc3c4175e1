/** Time as the invoker reads it; tests put their own in. */

export interface Clock {
  /** Wall clock, whole milliseconds since the epoch. */
  now(): number;
  /** Never goes back; milliseconds, fractional, of no fixed origin. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Start and length of something, as OpenWhisk records it: whole milliseconds. */
export interface Interval {
  readonly start: number;
  readonly duration: number;
}

/** Starts measuring: the returned function gives the interval so far. Length by the monotonic clock, so that a stepped wall clock cannot bend it. */
export function startInterval(clock: Clock): () => Interval {
  const start = clock.now();
  const from = clock.monotonic();
  return () => ({ start, duration: Math.max(0, Math.floor(clock.monotonic() - from)) });
}

/** Resolves with the promise's value, or with undefined after `ms`. The timer never keeps the process alive. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
    timer.unref();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
