/**
 * The local stack in a child process of its own, on a free port with a data folder of its own: what is measured shares
 * no event loop with what measures. Nothing of it is left after close().
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ManagementClient } from '@ebbwhisk/controller-adapter/management/client.ts';
import type { TenderKind } from '@ebbwhisk/libos-node';
import { LoadError } from '../errors.ts';
import type { OwnTarget } from '../options.ts';

export interface StackHandle {
  readonly url: string;
  readonly pid: number | undefined;
  /** Ends the VMs of an action of the guest, as the idle time does. */
  endVms(action: string): Promise<void>;
  close(): Promise<void>;
}

export interface StackSettings {
  readonly target: OwnTarget;
  readonly tender: TenderKind;
  readonly memoryMb: number;
  /** VMs made ahead. */
  readonly prepared?: number;
  readonly signal: AbortSignal;
}

const kStartMs = 60_000;
const kEndMs = 20_000;

export async function startStackProcess({
  target,
  tender,
  memoryMb,
  prepared = 0,
  signal,
}: StackSettings): Promise<StackHandle> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ebbwhisk-loadgen-'));
  const entry = fileURLToPath(import.meta.resolve('@ebbwhisk/controller-adapter/standalone.ts'));
  const args = ['--port', '0', '--data-dir', dataDir, '--target', target, '--tender', tender];
  const child = spawn(
    process.execPath,
    [entry, ...args, '--memory', String(memoryMb), '--pool', String(prepared), '--log-level', 'warn'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  void ended.then(() => process.off('exit', kill));
  const close = async () => {
    await end(child, ended);
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const management = new ManagementClient(dataDir);
    const endVms = async (action: string) => {
      for (const { id, action: of } of await management.vms()) {
        if (of === `guest/${action}` && id !== null) await management.kill(id);
      }
    };
    return { url: await readyUrl(child, ended, signal), pid: child.pid, endVms, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readyUrl(child: ChildProcess, ended: Promise<void>, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new LoadError('STACK_FAILED', `Not ready after ${kStartMs} ms.`)), kStartMs);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  void ended.then(() => reject(new LoadError('STACK_FAILED', `It ended with status ${child.exitCode}.`)));
  // Read to the end: a full pipe would stop the child.
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /\bready at (http:\/\/\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  }
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), kEndMs);
  await ended;
  clearTimeout(timer);
}
