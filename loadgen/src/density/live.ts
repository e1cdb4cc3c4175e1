/** Functions as VMs that live and wait: each had its first answer, and has nothing to do. */

import { type MeasuredFunction, uniqueFunction } from '../functions.ts';
import type { Measured } from '../tally.ts';
import type { Instance } from '../vm/invocations.ts';
import { type VmSettings, warmInstance } from '../vm/vms.ts';
import type { Store } from './store.ts';

const kMb = 1 << 20;
/** Reading all pages of a process takes long: so many stand for all. */
const kAsked = 8;
const kEndedAtOnce = 16;

interface Kept {
  readonly measured: MeasuredFunction;
  readonly instance: Instance;
}

export class LiveStore implements Store {
  readonly diskMb = 0;
  readonly #settings: VmSettings;
  readonly #prepare: () => Promise<void>;
  readonly #signal: AbortSignal;
  readonly #kept: Kept[] = [];

  constructor(settings: VmSettings, prepare: () => Promise<void>, signal: AbortSignal) {
    this.#settings = settings;
    this.#prepare = prepare;
    this.#signal = signal;
  }

  open(): Promise<void> {
    return this.#prepare();
  }

  async add(): Promise<void> {
    const measured = uniqueFunction();
    this.#kept.push({ measured, instance: await warmInstance(this.#settings, this.#signal, measured, 1) });
  }

  async use(number: number): Promise<Measured> {
    const kept = this.#kept[number];
    if (kept === undefined) throw new Error('no VM');
    const from = performance.now();
    await kept.instance.run(kept.measured, number);
    return { ms: performance.now() - from, start: 'hot' };
  }

  async ownMb(): Promise<number | undefined> {
    const stride = Math.ceil(this.#kept.length / kAsked);
    const asked = this.#kept.filter((_, at) => at % stride === 0);
    const own: number[] = [];
    for (const { instance } of asked) {
      const { ownBytes } = await instance.vm.stats();
      if (ownBytes === undefined) return undefined;
      own.push(ownBytes / kMb);
    }
    return own.length === 0 ? undefined : own.reduce((a, b) => a + b, 0) / own.length;
  }

  async close(): Promise<void> {
    while (this.#kept.length > 0) {
      await Promise.all(this.#kept.splice(-kEndedAtOnce).map(({ instance }) => instance.end()));
    }
  }
}
