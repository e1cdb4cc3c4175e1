/** What runs the actions of the local stack, and under which address they find its API. */

import type { BootVm } from '@ebbwhisk/libos-node';

export const targets = ['libos', 'process'] as const;
export type Target = (typeof targets)[number];

/** Address of the host as a guest of a LibOS VM sees it: the gateway. */
const kGateway = '10.0.2.2';

/** Loaded on demand: the process target needs nothing of the LibOS. */
export async function bootOf(target: Target): Promise<BootVm> {
  const { bootLibos, bootProcess } = await import('@ebbwhisk/libos-node');
  return target === 'libos' ? bootLibos : bootProcess;
}

/** What actions get as __OW_API_HOST. */
export function apiHostOf(target: Target, port: number): string {
  return `http://${target === 'libos' ? kGateway : '127.0.0.1'}:${port}`;
}
