/** How a target boots its VMs. Loaded on demand: the command line must answer without the native parts. */

import type { BootVm } from '@ebbwhisk/libos-node';
import type { OwnTarget } from '../options.ts';

export async function bootOf(target: OwnTarget): Promise<BootVm> {
  const { bootLibos, bootProcess } = await import('@ebbwhisk/libos-node');
  return target === 'libos' ? bootLibos : bootProcess;
}
