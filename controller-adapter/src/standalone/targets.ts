/** What runs the actions of the local stack, and under which address they find its API. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BootVm } from '@ebbwhisk/libos-node';
import { defaultProfile, imageFileName, imagesFolder, kindNames } from '@ebbwhisk/libos-node/paths';
import { reportsPath } from '../management/protocol.ts';

export const targets = ['libos', 'process'] as const;
export type Target = (typeof targets)[number];

/** Address of the host as a guest of a LibOS VM sees it: the gateway. */
const kGateway = '10.0.2.2';

/** Loaded on demand: the process target needs nothing of the LibOS. */
export async function bootOf(target: Target, dataDir: string): Promise<BootVm> {
  const { bootProcess, createBootLibos } = await import('@ebbwhisk/libos-node');
  return target === 'libos' ? createBootLibos({ reportsFolder: reportsPath(dataDir) }) : bootProcess;
}

/** What earlier host processes of this user left, when they were killed: folders, and processes of their VMs. */
export async function removeLeftovers(): Promise<{ readonly folders: number; readonly killed: readonly number[] }> {
  const { ownersFolder, reapOrphans } = await import('@ebbwhisk/libos-node');
  return reapOrphans(ownersFolder());
}

/** The kinds that can run: those whose image was built (nodejs:24 always is), or the one of the Node that runs plain processes. */
export function kindsOf(target: Target, folder: string = imagesFolder): string[] {
  return kindNames.filter(
    (kind) =>
      kind === 'nodejs:24' || (target === 'libos' && existsSync(join(folder, imageFileName(kind, defaultProfile)))),
  );
}

/** What actions get as __OW_API_HOST. */
export function apiHostOf(target: Target, port: number): string {
  return `http://${target === 'libos' ? kGateway : '127.0.0.1'}:${port}`;
}
