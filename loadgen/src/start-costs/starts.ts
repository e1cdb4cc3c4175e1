/**
 * The sorts of starts that are told apart, each as something to measure again and again: cold (a clone of the template, /init, /run), warm (a clone
 * of the function's snapshot, /run) and hot (/run); of hello, and of a bundle of 5 MB.
 *
 * Invariant: statistics are read when the clock has stopped; reading them takes as long as a start.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VmStats } from '@ebbwhisk/libos-node';
import { type MeasuredFunction, uniqueFunction } from '../functions.ts';
import type { Instance } from '../vm/invocations.ts';
import { newInstance, type VmSettings, warmInstance } from '../vm/vms.ts';
import { takeSnapshot } from '../vm/warm.ts';

/** Of one start, or per invocation of a group of hot ones. */
export interface Cost {
  /** Page faults that the host served. */
  readonly faults: number;
  /** Pages of 4 KiB that are the VM's alone, copied or made; NaN where the kernel does not tell. */
  readonly pages: number;
  readonly exits: number;
  /** System calls that were traps, and CPU exceptions that the LibOS was handed. */
  readonly traps: number;
}

export interface Sample {
  readonly ms: readonly number[];
  readonly cost: Cost;
}

export interface Start {
  readonly name: string;
  sample(n: number): Promise<Sample>;
  close(): Promise<void>;
}

const kPage = 4096;
const kHotWarmUps = 200;
/** Hot invocations between two looks at the statistics. */
const kHotGroup = 20;

function costOf({
  hostFaults = Number.NaN,
  ownBytes = Number.NaN,
  exits = Number.NaN,
  faults = 0,
  syscallsTrapped = 0,
}: VmStats): Cost {
  return { faults: hostFaults, pages: ownBytes / kPage, exits, traps: faults + syscallsTrapped };
}

/** A new VM for each sample. `answer` goes on to the first answer. */
function fresh(
  name: string,
  make: () => Promise<Instance>,
  answer: (instance: Instance, n: number) => Promise<void>,
  close = async () => {},
): Start {
  return {
    name,
    async sample(n) {
      const from = performance.now();
      const instance = await make();
      try {
        await answer(instance, n);
        const ms = performance.now() - from;
        return { ms: [ms], cost: costOf(await instance.vm.stats()) };
      } finally {
        await instance.end();
      }
    },
    close,
  };
}

export function cold(settings: VmSettings, signal: AbortSignal): Start {
  return fresh(
    'cold',
    () => newInstance(settings, signal),
    async (instance, n) => {
      const measured = uniqueFunction();
      await instance.init(measured);
      await instance.run(measured, n);
    },
  );
}

export async function warm(
  name: string,
  settings: VmSettings,
  measured: MeasuredFunction,
  signal: AbortSignal,
): Promise<Start> {
  // Private, for the file holds what the function holds.
  const folder = await mkdtemp(join(tmpdir(), 'ebbwhisk-starts-'));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, 'function.snapshot');
    await takeSnapshot(settings, signal, measured, file);
    return fresh(
      name,
      () => newInstance(settings, signal, file),
      (instance, n) => instance.run(measured, n),
      close,
    );
  } catch (error) {
    await close();
    throw error;
  }
}

export async function hot(settings: VmSettings, signal: AbortSignal): Promise<Start> {
  const measured = uniqueFunction();
  const instance = await warmInstance(settings, signal, measured, kHotWarmUps);
  return {
    name: 'hot',
    async sample(n) {
      const before = costOf(await instance.vm.stats());
      const ms: number[] = [];
      for (let index = 0; index < kHotGroup; index += 1) {
        const from = performance.now();
        await instance.run(measured, n);
        ms.push(performance.now() - from);
      }
      const after = costOf(await instance.vm.stats());
      const each = (key: keyof Cost) => (after[key] - before[key]) / kHotGroup;
      return { ms, cost: { faults: each('faults'), pages: each('pages'), exits: each('exits'), traps: each('traps') } };
    },
    close: () => instance.end(),
  };
}

/** Cold starts of a text that is the same each time, as the invoker makes them where no snapshot is wanted. */
export async function coldBundle(
  settings: VmSettings,
  measured: MeasuredFunction,
  withCache: boolean,
  signal: AbortSignal,
): Promise<Start> {
  const cache = withCache ? await codeCacheOf(settings, measured, signal) : undefined;
  return fresh(
    `bundle, cold${withCache ? ', code cache' : ''}`,
    () => newInstance(settings, signal),
    async (instance, n) => {
      if (cache !== undefined) await instance.giveCodeCache(cache);
      await instance.init(measured);
      await instance.run(measured, n);
    },
  );
}

async function codeCacheOf(settings: VmSettings, measured: MeasuredFunction, signal: AbortSignal): Promise<Buffer> {
  const instance = await warmInstance(settings, signal, measured, 1);
  try {
    return await instance.takeCodeCache();
  } finally {
    await instance.end();
  }
}
