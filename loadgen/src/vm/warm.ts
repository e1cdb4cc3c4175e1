/** Warm starts: every VM goes on from the snapshot of a function, by /run. Taking the snapshot is not measured. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoadError } from '../errors.ts';
import { type MeasuredFunction, uniqueFunction } from '../functions.ts';
import type { Measurement, RunOptions } from '../runner.ts';
import { warmUp } from './contract.ts';
import { measureStarts, type Starts } from './starts.ts';
import { newInstance, type VmSettings } from './vms.ts';

/** Runs before the snapshot is taken: the invoker takes it after the first. */
const kRuns = 1;
/** Code from which on the invoker has garbage collected before. */
const kLong = 256 * 1024;

export async function measureWarm(settings: VmSettings, options: RunOptions, pool: number): Promise<Measurement> {
  // Private, for the file holds what the function holds.
  const folder = await mkdtemp(join(tmpdir(), 'ebbwhisk-warm-'));
  try {
    const measured = uniqueFunction();
    const file = join(folder, 'function.snapshot');
    await takeSnapshot(settings, options.signal, measured, file);
    const starts: Starts = {
      make: () => newInstance(settings, options.signal, file),
      functionOf: () => measured,
      answer: (instance, own, n) => instance.run(own, n),
    };
    return await measureStarts(starts, options, pool);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As the invoker takes it: behind the answer to a first run. */
export async function takeSnapshot(
  settings: VmSettings,
  signal: AbortSignal,
  measured: MeasuredFunction,
  file: string,
): Promise<void> {
  const instance = await newInstance(settings, signal);
  try {
    await warmUp(instance, measured, kRuns);
    if (measured.source.length >= kLong) await instance.collect();
    await instance.disconnect();
    await instance.vm.snapshot(file);
  } catch (error) {
    throw new LoadError('SETUP_FAILED', (error as Error).message, { cause: error });
  } finally {
    await instance.end();
  }
}
