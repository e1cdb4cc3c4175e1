/** A stock of so many VMs booted ahead, refilled as they are taken. A stock of 0 boots when asked. */

import type { Instance } from './invocations.ts';

export class Stock {
  readonly #size: number;
  readonly #boot: () => Promise<Instance>;
  readonly #ready: Promise<Instance>[] = [];
  #closed = false;

  constructor(size: number, boot: () => Promise<Instance>) {
    this.#size = size;
    this.#boot = boot;
  }

  /** Resolves when the stock is full; rejects when a boot fails. */
  async fill(): Promise<void> {
    this.#refill();
    await Promise.all(this.#ready);
  }

  take(): Promise<Instance> {
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
