/** A stock of so many VMs booted ahead, refilled as they are taken. A stock of 0 boots when asked. */

import type { Runnable } from './contract.ts';

export class Stock {
  readonly #size: number;
  readonly #boot: () => Promise<Runnable>;
  readonly #ready: Promise<Runnable>[] = [];
  #closed = false;

  constructor(size: number, boot: () => Promise<Runnable>) {
    this.#size = size;
    this.#boot = boot;
  }

  /** Resolves when the stock is full; rejects when a boot fails. */
  async fill(): Promise<void> {
    this.#refill();
    await Promise.all(this.#ready);
  }

  take(): Promise<Runnable> {
    const taken = this.#ready.shift();
    this.#refill();
    return taken ?? this.#boot();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#ready.splice(0).map(async (each) => {
        const instance = await each.catch(() => undefined);
        await instance?.end();
      }),
    );
  }

  #refill(): void {
    while (!this.#closed && this.#ready.length < this.#size) {
      const booting = this.#boot();
      // Whoever takes it hears of the failure; until then it must not count as unhandled.
      booting.catch(() => {});
      this.#ready.push(booting);
    }
  }
}
