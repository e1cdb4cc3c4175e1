/** Functions as snapshots in files: each is brought to its first answer in a VM that ends when the file is there. */

import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeasuredFunction, uniqueFunction } from '../functions.ts';
import type { Measured } from '../tally.ts';
import { newInstance, type VmSettings } from '../vm/vms.ts';
import { takeSnapshot } from '../vm/warm.ts';
import type { Store } from './store.ts';

const kMb = 1 << 20;
const kBlock = 512;
/** statfs of tmpfs: its files are memory, and no disk has them. */
const kTmpfs = 0x01021994;

export class CachedStore implements Store {
  readonly #settings: VmSettings;
  readonly #prepare: () => Promise<void>;
  readonly #signal: AbortSignal;
  readonly #folder: string;
  readonly #isOnDisk: boolean;
  readonly #functions: MeasuredFunction[] = [];
  #diskBytes = 0;

  private constructor(
    settings: VmSettings,
    prepare: () => Promise<void>,
    signal: AbortSignal,
    folder: string,
    isOnDisk: boolean,
  ) {
    this.#settings = settings;
    this.#prepare = prepare;
    this.#signal = signal;
    this.#folder = folder;
    this.#isOnDisk = isOnDisk;
  }

  /** The folder is private, for the files hold what the functions hold. */
  static async create(settings: VmSettings, prepare: () => Promise<void>, signal: AbortSignal): Promise<CachedStore> {
    const folder = await mkdtemp(join(tmpdir(), 'ebbwhisk-density-'));
    return new CachedStore(settings, prepare, signal, folder, (await statfs(folder)).type !== kTmpfs);
  }

  get diskMb(): number {
    return this.#diskBytes / kMb;
  }

  open(): Promise<void> {
    return this.#prepare();
  }

  async add(): Promise<void> {
    const measured = uniqueFunction();
    const path = this.#path(this.#functions.length);
    await takeSnapshot(this.#settings, this.#signal, measured, path);
    this.#functions.push(measured);
    const file = await open(path);
    try {
      await file.sync();
      if (this.#isOnDisk) this.#diskBytes += (await file.stat()).blocks * kBlock;
    } finally {
      await file.close();
    }
  }

  async use(number: number): Promise<Measured> {
    const measured = this.#functions[number];
    if (measured === undefined) throw new Error('no function');
    const from = performance.now();
    const instance = await newInstance(this.#settings, this.#signal, this.#path(number));
    try {
      await instance.run(measured, number);
      return { ms: performance.now() - from, start: instance.start };
    } finally {
      await instance.end();
    }
  }

  ownMb(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #path(number: number): string {
    return join(this.#folder, `${number}.snapshot`);
  }
}
