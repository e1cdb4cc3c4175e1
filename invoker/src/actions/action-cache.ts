/**
 * Fetches actions from the store, once per revision: a new revision is a new key, so nothing is ever invalidated.
 * Entries leave 5 minutes after their last use, or earlier, least recently used first, when the code held exceeds the
 * bound. Without a revision (a health probe) the newest is asked for every time.
 */

import type { Clock } from '../clock.ts';
import { errorText, InvokerError } from '../errors.ts';
import type { ActionStore } from '../store/store.ts';
import { type ExecutableAction, readAction } from './executable-action.ts';

export interface ActionCacheOptions {
  readonly store: ActionStore;
  readonly clock: Clock;
  /** Characters of init bodies held at most. */
  readonly maxSize?: number;
  readonly expiryMs?: number;
}

interface Entry {
  readonly action: Promise<ExecutableAction>;
  /** 0 until fetched. */
  size: number;
  usedAt: number;
}

const kDefaultMaxSize = 128 * 1024 * 1024;
const kDefaultExpiryMs = 5 * 60_000;

export class ActionCache {
  readonly #store: ActionStore;
  readonly #clock: Clock;
  readonly #maxSize: number;
  readonly #expiryMs: number;
  /** In the order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  #size = 0;

  constructor({ store, clock, maxSize = kDefaultMaxSize, expiryMs = kDefaultExpiryMs }: ActionCacheOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#maxSize = maxSize;
    this.#expiryMs = expiryMs;
  }

  get length(): number {
    return this.#entries.size;
  }

  /** Rejects with InvokerError ACTION_MISSING, ACTION_UNREADABLE or ACTION_FETCH_FAILED. */
  get(id: string, revision: string | null): Promise<ExecutableAction> {
    if (revision === null || revision === '') return this.#fetch(id, undefined);
    const key = `${id}\n${revision}`;
    const known = this.#entries.get(key);
    const now = this.#clock.monotonic();
    if (known !== undefined) {
      this.#entries.delete(key);
      if (now - known.usedAt <= this.#expiryMs || known.size === 0) {
        known.usedAt = now;
        this.#entries.set(key, known);
        return known.action;
      }
      this.#size -= known.size;
    }
    const action = this.#fetch(id, revision);
    const entry: Entry = { action, size: 0, usedAt: now };
    this.#entries.set(key, entry);
    action.then(
      (fetched) => {
        // A revision that is no more gives the newest: not kept under the old name, which must not come alive again.
        if (fetched.revision !== revision) this.#remove(key, entry);
        else if (this.#entries.get(key) === entry) {
          entry.size = fetched.size;
          this.#size += entry.size;
          this.#trim();
        }
      },
      () => this.#remove(key, entry),
    );
    return action;
  }

  async #fetch(id: string, revision: string | undefined): Promise<ExecutableAction> {
    let document: string | undefined;
    try {
      document = await this.#store.getAction(id, revision);
    } catch (error) {
      throw new InvokerError('ACTION_FETCH_FAILED', `${id}: ${errorText(error)}`, { cause: error });
    }
    if (document === undefined) throw new InvokerError('ACTION_MISSING', id);
    return readAction(document);
  }

  #remove(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#size -= entry.size;
  }

  #trim(): void {
    const oldest = this.#clock.monotonic() - this.#expiryMs;
    for (const [key, entry] of this.#entries) {
      if (entry.usedAt >= oldest && this.#size <= this.#maxSize) return;
      if (entry.size > 0) this.#remove(key, entry);
    }
  }
}
