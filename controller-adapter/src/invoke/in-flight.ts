/**
 * Activations that were sent and are not complete, and who waits for their results.
 *
 * Invariants: an entry ends by its completion ack or, when that never comes, after `forcedAfterMs` (so a lost message
 * does not hold a slot for ever); a result that arrives before its waiter is kept with the entry.
 */

import type { Activation } from '@ebbwhisk/invoker/protocol/messages.ts';

/** What an ack tells of the result: the activation, or only that it is in the store. */
export type Result = Activation | 'stored';

interface Entry {
  readonly namespace: string;
  readonly forcedAt: number;
  readonly onResult: ((result: Result) => void) | undefined;
}

/** As the stock controller: twice the longer of action limit and 60 s, and a minute. */
export function forcedAfterMs(timeoutMs: number): number {
  return Math.max(timeoutMs, 60_000) * 2 + 60_000;
}

export class InFlight {
  readonly #entries = new Map<string, Entry>();
  readonly #perNamespace = new Map<string, number>();
  readonly #now: () => number;
  readonly #idle = new Set<() => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  ofNamespace(namespace: string): number {
    return this.#perNamespace.get(namespace) ?? 0;
  }

  add(activationId: string, namespace: string, timeoutMs: number, onResult?: (result: Result) => void): void {
    this.#entries.set(activationId, { namespace, forcedAt: this.#now() + forcedAfterMs(timeoutMs), onResult });
    this.#perNamespace.set(namespace, this.ofNamespace(namespace) + 1);
  }

  /** False when the activation is not (or no longer) known here. */
  result(activationId: string, result: Result): boolean {
    const entry = this.#entries.get(activationId);
    entry?.onResult?.(result);
    return entry !== undefined;
  }

  /** The slot is free. False when it was already. */
  complete(activationId: string): boolean {
    const entry = this.#entries.get(activationId);
    if (entry === undefined) return false;
    this.#entries.delete(activationId);
    // Complete without a result: its ack was lost, but the record is or will be in the store. No effect after a result.
    entry.onResult?.('stored');
    const left = this.ofNamespace(entry.namespace) - 1;
    if (left > 0) this.#perNamespace.set(entry.namespace, left);
    else this.#perNamespace.delete(entry.namespace);
    if (this.#entries.size === 0) for (const wake of this.#idle) wake();
    return true;
  }

  /** Completes by force what is overdue; returns the ids. */
  sweep(): string[] {
    const now = this.#now();
    const overdue = [...this.#entries].filter(([, { forcedAt }]) => forcedAt <= now).map(([id]) => id);
    for (const id of overdue) this.complete(id);
    return overdue;
  }

  /** Resolves with whether everything completed within `timeoutMs`. */
  async drained(timeoutMs: number): Promise<boolean> {
    if (this.#entries.size === 0) return true;
    return new Promise((resolve) => {
      const wake = () => finish(true);
      const timer = setTimeout(() => finish(false), timeoutMs);
      const finish = (empty: boolean) => {
        clearTimeout(timer);
        this.#idle.delete(wake);
        resolve(empty);
      };
      this.#idle.add(wake);
    });
  }
}
