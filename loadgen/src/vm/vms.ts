/** Where the VMs of a measurement come from. */

import type { BootOptions, BootVm, CloneOptions, Vm } from '@ebbwhisk/libos-node';
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
