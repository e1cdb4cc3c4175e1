/**
 * V8's code caches of actions, as their VMs made them, for VMs that are initialised without a snapshot. In memory; bounded, the least
 * recently used go first. Invariant: the key has the namespace that made it, for V8 does not verify what it is given: a function could
 * prepare a cache for itself only.
 */
export class CodeCache {
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Buffer>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  get(key: string): Buffer | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  put(key: string, data: Buffer): void {
    this.#remove(key);
    if (data.length > this.#maxBytes) return;
    this.#entries.set(key, data);
    this.#bytes += data.length;
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#entries.get(key)?.length ?? 0;
    this.#entries.delete(key);
  }
}
