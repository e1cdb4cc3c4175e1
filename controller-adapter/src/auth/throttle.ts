/**
 * Per-namespace throttles: invocations in a fixed one-minute window, and invocations in flight. A namespace without a
 * limit is never refused. Fixed windows allow a burst of twice the limit across a boundary, as in OpenWhisk.
 */

import { apiError } from '../errors.ts';
import type { Throttles } from '../settings.ts';
import type { User } from './users.ts';

const kWindowMs = 60_000;

export class Throttle {
  readonly #defaults: Throttles | undefined;
  readonly #now: () => number;
  #window = 0;
  #counts = new Map<string, number>();

  constructor(defaults: Throttles | undefined, now: () => number) {
    this.#defaults = defaults;
    this.#now = now;
  }

  /** Counts one invocation, or throws TOO_MANY_REQUESTS or TOO_MANY_CONCURRENT. */
  check({ namespace, limits }: User, inFlight: number): void {
    const perMinute = limits.invocationsPerMinute ?? this.#defaults?.invocationsPerMinute;
    if (perMinute !== undefined) {
      const count = this.#count(namespace);
      if (count > perMinute) throw apiError('TOO_MANY_REQUESTS', count, perMinute);
    }
    const concurrent = limits.concurrentInvocations ?? this.#defaults?.concurrentInvocations;
    if (concurrent !== undefined && inFlight >= concurrent) throw apiError('TOO_MANY_CONCURRENT', inFlight, concurrent);
  }

  #count(namespace: string): number {
    const window = Math.floor(this.#now() / kWindowMs);
    if (window !== this.#window) {
      this.#window = window;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(namespace) ?? 0) + 1;
    this.#counts.set(namespace, count);
    return count;
  }
}
