/**
 * The action contract as a test suite for whatever can boot a VM. Every target, tender and profile has to pass it
 * unchanged: an action must not be able to tell them apart.
 *
 * @example actionContract('plain process', bootProcess);
 */
import type { BootVm } from '@ebbwhisk/libos-node';
import { describe } from 'vitest';
import { archiveContract } from './archive-actions.ts';
import { codeCacheContract } from './code-cache.ts';
import { crashContract } from './crashes.ts';
import { environmentContract } from './environment.ts';
import { errorContract } from './errors.ts';
import { hostileArchiveContract } from './hostile-archives.ts';
import { limitContract } from './limits.ts';
import { logContract } from './logs.ts';
import { moduleContract } from './modules.ts';
import { sessions } from './session.ts';
import { sourceTextContract } from './source-text.ts';

export interface ContractOptions {
  readonly kind?: string;
  /** For each test; VMs may start slowly. */
  readonly timeoutMs?: number;
}

export function actionContract(name: string, boot: BootVm, options: ContractOptions = {}): void {
  const open = sessions(boot, options.kind ?? 'nodejs:24');
  describe(`action contract on ${name}`, { timeout: options.timeoutMs ?? 20_000 }, () => {
    sourceTextContract(open);
    errorContract(open);
    environmentContract(open);
    moduleContract(open);
    archiveContract(open);
    hostileArchiveContract(open);
    limitContract(open);
    logContract(open);
    crashContract(open);
    codeCacheContract(open);
  });
}
