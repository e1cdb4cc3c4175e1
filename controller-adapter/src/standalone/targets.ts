/** What runs the actions of the local stack, and under which address they find its API. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BootOptions, BootVm, CloneOptions, TemplateEvent, Vm } from '@ebbwhisk/libos-node';
import { defaultProfile, imageFileName, imagesFolder, kindNames } from '@ebbwhisk/libos-node/paths';
import type { Logger } from 'pino';
import { reportsPath } from '../management/protocol.ts';

export const targets = ['libos', 'process'] as const;
export type Target = (typeof targets)[number];

/** Address of the host as a guest of a LibOS VM sees it: the gateway. */
const kGateway = '10.0.2.2';

/** Where the VMs of a stack come from. */
export interface VmHost {
  readonly boot: BootVm;
  /** Goes on from snapshots of VMs. */
  readonly clone?: (options: CloneOptions) => Promise<Vm>;
  /** Makes, without waiting, what VMs of these will be cloned from. */
  prepare(sorts: readonly BootOptions[]): void;
  /** Ends what VMs were cloned from, after the VMs. */
  close(): Promise<void>;
}

/** Loaded on demand: the process target needs nothing of the LibOS. */
export async function hostOf(target: Target, dataDir: string, log: Logger): Promise<VmHost> {
  const { bootProcess, Templates } = await import('@ebbwhisk/libos-node');
  if (target === 'process') return bareHost(bootProcess);
  const templates = new Templates({
    reportsFolder: reportsPath(dataDir),
    onEvent: (event) => tell(event, log.child({ component: 'templates' })),
  });
  return {
    boot: templates.start,
    clone: templates.clone,
    prepare: (sorts) => {
      // What comes of it is an event.
      for (const sort of sorts) templates.prepare(sort).catch(() => {});
    },
    close: () => templates.close(),
  };
}

/** VMs that are not cloned. */
export function bareHost(boot: BootVm): VmHost {
  return { boot, prepare: () => {}, close: () => Promise.resolve() };
}

function tell({ what, ...facts }: TemplateEvent, log: Logger): void {
  if (what === 'ready') log.info(facts, 'template ready: VMs are cloned from it');
  else if (what === 'failed') log.warn(facts, 'no template: VMs boot');
  else if (what === 'ended') log.error(facts, 'the server of a template died, and with it its VMs');
  else log.warn(facts, 'a VM could not be cloned and boots');
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
