/**
 * Processes of VMs that die of signals while their actions work: the activations fail as documented, the stack goes on, and a report tells
 * what is known, but nothing of the action.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { defaultProfile, rootFolder } from '@ebbwhisk/libos-node/paths';
import type { StoredReport } from '@ebbwhisk/libos-node/reports';
import { describe, expect, it } from 'vitest';
import { annotation } from '../e2e/client.ts';
import { isRunning, type ProcessEntry } from '../e2e/processes.ts';
import type { RunningStack } from '../e2e/stack.ts';
import { suiteStack } from '../e2e/suite-stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

/** Of a VM that is not the one before: from a snapshot, if there was time to take one. */
const newStart = expect.stringMatching(/^(cold|warm)$/);
const exited = 'The action did not produce a valid response and exited unexpectedly.';
const secret = 'a-secret-of-the-action';

const action = `async function main({ ms = 0, secret }) {
  console.log(secret);
  const end = Date.now() + ms;
  while (Date.now() < end) await new Promise((done) => setTimeout(done, 10));
  return {};
}`;

interface Death {
  readonly victim: 'tender' | 'guest';
  readonly signal: NodeJS.Signals;
  /** The tender's own dump. */
  readonly dump: boolean;
}

const deaths: readonly Death[] = [
  { victim: 'tender', signal: 'SIGSEGV', dump: true },
  { victim: 'tender', signal: 'SIGABRT', dump: true },
  // What its seccomp filter kills ends with this one.
  { victim: 'tender', signal: 'SIGSYS', dump: false },
  { victim: 'tender', signal: 'SIGKILL', dump: false },
];
/** It is the first of its pid namespace, where the kernel drops signals without a handler, but for SIGKILL. */
const guestDeaths: readonly Death[] = [
  { victim: 'guest', signal: 'SIGSEGV', dump: false },
  { victim: 'guest', signal: 'SIGILL', dump: false },
  { victim: 'guest', signal: 'SIGKILL', dump: false },
];

function reportsOf(stack: RunningStack): StoredReport[] {
  const cli = join(rootFolder, 'controller-adapter/src/management/cli.ts');
  const args = [cli, 'reports', '--data-dir', stack.data, '--json'];
  const all = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as StoredReport[];
  return all.filter(({ file }) => file.startsWith(stack.data));
}

forTargets(libosTenders, ({ name, tender }) => {
  describe(`a VM whose process dies of a signal, ${name}`, () => {
    const running = suiteStack(() => ({ tender, memoryMb: 4096 }));
    const all = tender === 'process' ? [...deaths, ...guestDeaths] : deaths;

    it('costs its activation, leaves a report, and the stack goes on', { timeout: 60_000 }, async () => {
      const stack = running();
      const processes: ProcessEntry[] = [];
      const activations = [];
      for (const { victim, signal } of all) {
        const before = new Set(stack.tenders().map(({ pid }) => pid));
        const actionName = `${victim}-${signal}`;
        await stack.api.putAction(actionName, action);
        await stack.api.record((await stack.api.invoke(actionName)).activation.activationId);
        const own = stack.tenders().find(({ pid }) => !before.has(pid));
        if (own === undefined) throw new Error('it has no VM');
        processes.push(own);
        activations.push(stack.api.invoke(actionName, { ms: 20_000, secret }));
      }
      await new Promise((done) => setTimeout(done, 300));
      const bodies = await Promise.all(processes.map((own) => stack.processesOf(own)));
      const victims = all.map(({ victim }, index) => bodies[index]?.[victim === 'tender' ? 0 : 1]);
      for (const [index, { signal }] of all.entries()) process.kill(victims[index]?.pid ?? 0, signal);

      for (const { status, activation } of await Promise.all(activations)) {
        expect([status, activation.response.status, activation.response.result]).toEqual([
          502,
          'action developer error',
          { error: exited },
        ]);
        expect((await stack.api.record(activation.activationId)).response).toEqual(activation.response);
      }
      await expect.poll(() => bodies.flat().filter(isRunning)).toEqual([]);

      const reports = reportsOf(stack);
      expect(reports).toHaveLength(all.length);
      for (const [index, { victim, signal, dump }] of all.entries()) {
        const own = processes[index];
        const report = reports.find((candidate) => candidate.tender.pid === own?.pid);
        expect(report, `${victim} ${signal}`).toMatchObject({
          version: 1,
          culprit: victim,
          kind: 'nodejs:24',
          profile: defaultProfile,
          ready: true,
          tender: { kind: tender },
          image: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
          exit: { reason: victim === 'tender' ? 'tender' : 'fault' },
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        });
        // The status of a clone's guest is its zygote's to know, which waits for nobody.
        expect(report?.signal).toBe(victim === 'guest' && signal === 'SIGKILL' ? null : signal);
        if (dump) {
          expect(report?.crash).toMatchObject({
            signal,
            senderPid: process.pid,
            pid: own?.pid,
            build: expect.stringMatching(/^[0-9a-f]{40}$/),
            tender,
            phase: 'run',
            backtrace: expect.arrayContaining([expect.stringMatching(/^\+0x[0-9a-f]+$/)]),
            registers: { rip: expect.stringMatching(/^0x/), rsp: expect.stringMatching(/^0x/) },
            rings: { sqHead: expect.any(Number), cqTail: expect.any(Number), waiting: expect.any(Number) },
          });
        } else {
          expect(report?.crash).toBeNull();
        }
        const text = readFileSync(report?.file ?? '', 'utf8');
        for (const hidden of [secret, '__OW_', 'EBB_RUNTIME']) expect(text).not.toContain(hidden);
        expect(statSync(report?.file ?? '').mode & 0o777).toBe(0o600);
      }

      for (const { victim, signal } of all) {
        const { status, activation } = await stack.api.invoke(`${victim}-${signal}`);
        expect([status, annotation(activation, 'ebbStart')]).toEqual([200, newStart]);
      }
    });
  });
});
