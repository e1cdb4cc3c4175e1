/** Where the VMs of a measurement come from. */

import type { BootOptions, BootVm, CloneOptions, Vm } from '@ebbwhisk/libos-node';
import type { MeasuredFunction } from '../functions.ts';
import { warmUp } from './contract.ts';
import { Instance } from './invocations.ts';

export interface VmSettings {
  readonly boot: BootVm;
  /** Goes on from snapshots of functions. */
  readonly clone?: (options: CloneOptions) => Promise<Vm>;
  readonly options: Pick<BootOptions, 'kind' | 'tender' | 'profile' | 'memoryMb'>;
}

/** From the template, or from a snapshot of a function. */
export async function newInstance(
  { boot, clone, options }: VmSettings,
  signal: AbortSignal,
  functionSnapshot?: string,
): Promise<Instance> {
  if (functionSnapshot === undefined) return new Instance(await boot({ ...options, signal }));
  if (clone === undefined) throw new Error('this target has no snapshots of functions');
  return new Instance(await clone({ ...options, functionSnapshot, signal }));
}

/** A VM that is initialised and has run so many times; it is ended when that fails. */
export async function warmInstance(
  settings: VmSettings,
  signal: AbortSignal,
  measured: MeasuredFunction,
  runs: number,
): Promise<Instance> {
  const instance = await newInstance(settings, signal);
  try {
    await warmUp(instance, measured, runs);
    return instance;
  } catch (error) {
    await instance.end();
    throw error;
  }
}
