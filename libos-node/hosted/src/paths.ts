/** Where the parts of a built checkout lie. One table, so that the builder, the hosted side and the commands agree. */
import { join, resolve } from 'node:path';

/** Root folder of the checkout. */
export const rootFolder = resolve(import.meta.dirname, '../../..');

/** Everything that commands make and keep, but for the native build. */
export const stateFolder = join(rootFolder, '.ebbwhisk');

export const imagesFolder = join(stateFolder, 'images');

/** Reports of VMs that crashed; a stack has its own, in its data folder. */
export const reportsFolder = join(stateFolder, 'reports');

/** Template snapshots: they hold what a guest computed, so nobody else may look into the folder. */
export const templatesFolder = join(stateFolder, 'templates');

export const kernelPath = join(rootFolder, 'build/libos-node/kernel/ebbkernel.elf');

export const tenderPath = join(rootFolder, 'build/libos-node/tender/ebbtender');

/** libuv-ebb as an image of profile `ebb` holds it. */
export const libuvPath = join(rootFolder, 'build/libuv-ebb/libuv-ebb.so');

/** How far an image is specialised. `general`: every syscall traps; `bypass`: those of libc are function calls; `ebb`: also, Node's libuv is libuv-ebb. */
export const profiles = ['general', 'bypass', 'ebb'] as const;
export type Profile = (typeof profiles)[number];

/** The profile of a VM when nothing else is said. */
export const defaultProfile: Profile = 'ebb';

/** The action kinds there are: what an image can be built for. */
export const kindNames = ['nodejs:20', 'nodejs:22', 'nodejs:24', 'nodejs:26'] as const;
export type KindName = (typeof kindNames)[number];

/** The form of an action kind; it becomes part of file names. */
const kindPattern = /^[a-z][a-z0-9]*:[a-z0-9.]+$/;

export function isKindName(kind: string): boolean {
  return kindPattern.test(kind) && !kind.includes('..');
}

/** File name of the image of a kind and profile: `nodejs-24-bypass.ebbimage`. */
export function imageFileName(kind: string, profile: Profile): string {
  return `${kind.replace(':', '-')}-${profile}.ebbimage`;
}
