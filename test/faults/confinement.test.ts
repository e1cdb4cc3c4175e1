/** What the host's process list shows of VMs: one tender each, with its guest where that is a process, and all of them confined. */
import { beforeAll, describe, expect, it } from 'vitest';
import { commandLine, isKernelWorker, openFiles, processStatus, threadsOf } from '../e2e/processes.ts';
import type { RunningStack } from '../e2e/stack.ts';
import { suiteStack } from '../e2e/suite-stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const vms = 3;

forTargets(libosTenders, ({ name, tender }) => {
  describe(`the processes of ${vms} VMs, ${name}`, () => {
    const running = suiteStack(() => ({ tender, snapshotMb: 0 }));
    let stack: RunningStack;

    beforeAll(async () => {
      stack = running();
      for (let n = 0; n < vms; n++) {
        await stack.api.putAction(`confined-${n}`, `function main() { return { n: ${n} }; }`);
        expect((await stack.api.invoke(`confined-${n}`)).activation.response.result).toEqual({ n });
      }
    });

    it('are one tender per VM, and its guest beside it where that is a process', async () => {
      const tenders = stack.tenders();
      expect(tenders).toHaveLength(vms);
      const names = tender === 'process' ? ['ebbbroker', 'ebbzygote'] : ['ebbbroker'];
      for (const own of tenders) {
        expect(commandLine(own.pid)).toMatch(new RegExp(`^\\S*/ebbtender serve --image \\S+ --tender ${tender} `));
        expect((await stack.processesOf(own)).map(({ name }) => name)).toEqual(names);
      }
      // The server, and under the process tender what the guests are forked from.
      const templates = names.length;
      expect(stack.templates()).toHaveLength(templates);
      expect(stack.processes()).toHaveLength(templates + names.length * vms);
    });

    it('have a seccomp filter and no_new_privs, in each of their threads', () => {
      // The server of a template only starts others; it meets nothing of a guest.
      const servers = new Set(stack.templates().map(({ pid, name }) => (name === 'ebbzygote' ? 0 : pid)));
      const processes = stack.processes().filter(({ pid }) => !servers.has(pid));
      expect(processes.length).toBeGreaterThanOrEqual(vms);
      for (const { pid } of processes) {
        // KVM itself puts a worker into each process with a VM; it runs no code but the kernel's.
        const threads = threadsOf(pid).filter((thread) => !isKernelWorker(pid, thread));
        expect(threads.length).toBeGreaterThan(0);
        for (const thread of threads) {
          const status = processStatus(pid, thread);
          expect([status.get('Name'), status.get('Seccomp'), status.get('NoNewPrivs')]).toEqual([
            expect.any(String),
            '2',
            '1',
          ]);
        }
      }
    });

    // Under KVM the guest is no process.
    if (tender !== 'process') return;
    it('of the guest hold nothing but a wake-up, and no privilege', async () => {
      const guests = (await Promise.all(stack.tenders().map((own) => stack.processesOf(own)))).flatMap(
        ([, ...rest]) => rest,
      );
      expect(guests).toHaveLength(vms);
      for (const { pid } of guests) {
        expect(openFiles(pid).filter((file) => !/^anon_inode:\[eventfd\]$/.test(file))).toEqual([]);
        const status = processStatus(pid);
        for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(Number(`0x${status.get(set)}`)).toBe(0);
      }
    });
  });
});
