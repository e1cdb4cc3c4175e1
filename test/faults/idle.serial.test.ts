/**
 * Live idle VMs: each starts, answers, sleeps without a single wake-up for ten seconds, answers again with its own state, and leaves nothing.
 *
 * Five by default; five hundred with EBBWHISK_TEST_ALL=1, where the machine has the memory.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BootVm, Templates, type Vm } from '@ebbwhisk/libos-node';
import { Client } from 'undici';
import { describe, expect, it } from 'vitest';
import {
  isKernelWorker,
  isRunning,
  openFiles,
  type ProcessEntry,
  processEntry,
  processStatus,
  threadsOf,
} from '../e2e/processes.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const all = process.env.EBBWHISK_TEST_ALL === '1';
const count = all ? 500 : 5;
/** What an idle VM that answered once takes at most, page tables and the tender included. */
const vmMb = 40;
const atATime = 4;
const options = { kind: 'nodejs:24', memoryMb: 128 } as const;
/** Timers of the first answers (keep-alive) run out within it. */
const settleMs = 6_000;
const watchMs = 10_000;
/** V8 looks at the heap of an idle program again, some seconds apart and a few times at most, to make it smaller. */
const maxWindows = 4;

const source = (own: number) => `let calls = 0; function main({ n }) { return { own: ${own}, calls: ++calls, n }; }`;

interface IdleVm {
  readonly vm: Vm;
  readonly own: number;
  readonly processes: readonly ProcessEntry[];
}

async function post(vm: Vm, path: string, value: unknown): Promise<unknown> {
  const client = new Client('http://vm', { socketPath: vm.socketPath });
  try {
    const headers = { 'content-type': 'application/json' };
    const { body } = await client.request({ path, method: 'POST', headers, body: JSON.stringify({ value }) });
    return await body.json();
  } finally {
    await client.close();
  }
}

/** `work` on every item, so many at a time. */
async function each<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

function switches(vms: readonly IdleVm[]): number[] {
  return vms.map(({ processes }) =>
    processes
      .flatMap(({ pid }) => threadsOf(pid).map((thread) => ({ pid, thread })))
      .filter(({ pid, thread }) => !isKernelWorker(pid, thread))
      .map(({ pid, thread }) => processStatus(pid, thread))
      .reduce(
        (sum, status) =>
          sum + Number(status.get('voluntary_ctxt_switches')) + Number(status.get('nonvoluntary_ctxt_switches')),
        0,
      ),
  );
}

async function idleVms(start: BootVm): Promise<void> {
  const before = openFiles(process.pid).length;
  const vms: IdleVm[] = [];
  try {
    await each(
      Array.from({ length: count }, (_, own) => own),
      atATime,
      async (own) => {
        const vm = await start(options);
        const processes = (await vm.stats()).pids.flatMap((pid) => processEntry(pid) ?? []);
        expect(processes.length).toBeGreaterThan(0);
        vms.push({ vm, own, processes });
        const init = { name: 'idle', main: 'main', code: source(own), binary: false };
        expect(await post(vm, '/init', init)).toEqual({ OK: true });
        expect(await post(vm, '/run', { n: 1 })).toEqual({ own, calls: 1, n: 1 });
      },
    );
    expect(await restless(vms)).toEqual([]);
    await each(vms, atATime, async ({ vm, own }) => {
      expect(await post(vm, '/run', { n: 2 })).toEqual({ own, calls: 2, n: 2 });
    });
  } finally {
    await each(vms, atATime, ({ vm }) => vm.end());
  }
  expect(vms.flatMap(({ processes }) => processes.filter(isRunning))).toEqual([]);
  expect(openFiles(process.pid).length).toBeLessThanOrEqual(before + 2);
}

/** The VMs that in none of the windows slept all the time, with their wake-ups. */
async function restless(vms: readonly IdleVm[]): Promise<{ own: number; wakeUps: number }[]> {
  await sleep(settleMs);
  let awake = vms.map((vm) => ({ vm, wakeUps: 0 }));
  for (let window = 0; window < maxWindows && awake.length > 0; window += 1) {
    const early = switches(awake.map(({ vm }) => vm));
    expect(early.every((value) => value > 0)).toBe(true);
    await sleep(watchMs);
    const late = switches(awake.map(({ vm }) => vm));
    awake = awake
      .map(({ vm }, at) => ({ vm, wakeUps: (late[at] ?? 0) - (early[at] ?? 0) }))
      .filter(({ wakeUps }) => wakeUps > 0);
  }
  return awake.map(({ vm: { own }, wakeUps }) => ({ own, wakeUps }));
}

const neededMb = count * vmMb;

describe.skipIf(freemem() / 2 ** 20 < neededMb)(
  `${count} idle VMs (skipped when less than ${neededMb} MB are free)`,
  { timeout: 60_000 + count * 2_000 },
  () => {
    forTargets(libosTenders, ({ name, tender, boot }) => {
      it(`start, answer, sleep, answer and end: ${name}, booted`, () => idleVms(boot));

      it(`start, answer, sleep, answer and end: ${name}, cloned`, async () => {
        const folder = mkdtempSync(join(tmpdir(), 'ebb-idle-'));
        const templates = new Templates({ folder });
        try {
          const clone: BootVm = (options) => templates.clone({ ...options, tender });
          await (await clone(options)).end();
          await idleVms(clone);
        } finally {
          await templates.close();
          rmSync(folder, { recursive: true });
        }
      });
    });
  },
);
