/** A VM that is killed from outside, as the kernel or an operator may do: that costs the activation that it had, and no other. */
import { beforeAll, describe, expect, it } from 'vitest';
import { annotation } from '../e2e/client.ts';
import { isRunning, type ProcessEntry } from '../e2e/processes.ts';
import type { RunningStack } from '../e2e/stack.ts';
import { suiteStack } from '../e2e/suite-stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

/** Of a VM that is not the one before: from a snapshot, if there was time to take one. */
const newStart = expect.stringMatching(/^(cold|warm)$/);
const exited = 'The action did not produce a valid response and exited unexpectedly.';

/** Works for as long as parameter `ms` says. */
const sleeper = `async function main({ ms }) {
  await new Promise((done) => setTimeout(done, ms ?? 0));
  return { slept: ms ?? 0 };
}`;

forTargets(libosTenders, ({ name, tender }) => {
  describe(`kill -9 of a VM, ${name}`, () => {
    const running = suiteStack(() => ({ tender }));
    let stack: RunningStack;
    beforeAll(() => {
      stack = running();
    });

    /** Makes an action with one idle VM, and finds that VM's tender. */
    const warmUp = async (action: string): Promise<ProcessEntry> => {
      const before = new Set(stack.tenders().map(({ pid }) => pid));
      await stack.api.putAction(action, sleeper);
      await stack.api.record((await stack.api.invoke(action)).activation.activationId);
      const [own, ...more] = stack.tenders().filter(({ pid }) => !before.has(pid));
      if (own === undefined || more.length > 0) throw new Error('one VM was expected');
      return own;
    };

    const victims: Readonly<Record<string, (processes: ProcessEntry[]) => ProcessEntry[]>> = {
      'its tender': (processes) => processes.slice(0, 1),
      ...(tender === 'process' ? { 'its guest': (processes) => processes.slice(1) } : {}),
    };

    it.each(Object.entries(victims))(
      'of %s while it works: its activation fails, its neighbour does not',
      async (what, victimsOf) => {
        const action = `killed-${what.replace(' ', '-')}`;
        const own = await warmUp(action);
        const neighbour = await warmUp(`${action}-neighbour`);
        const running = [
          stack.api.invoke(action, { ms: 5_000 }),
          stack.api.invoke(`${action}-neighbour`, { ms: 1_000 }),
        ] as const;
        await new Promise((done) => setTimeout(done, 200));
        const processes = await stack.processesOf(own);
        const victims = victimsOf(processes);
        expect(victims.length).toBeGreaterThan(0);
        for (const { pid } of victims) process.kill(pid, 'SIGKILL');
        const [failed, unharmed] = await Promise.all(running);
        expect(failed.activation.response).toMatchObject({
          status: 'action developer error',
          result: { error: exited },
        });
        expect(failed.activation.duration).toBeLessThan(3_000);
        expect(unharmed.activation.response.result).toEqual({ slept: 1_000 });
        // The tender does not outlive its guest, nor the guest its tender.
        await expect.poll(() => processes.filter(isRunning)).toEqual([]);

        const next = await stack.api.invoke(action);
        expect([next.status, annotation(next.activation, 'ebbStart')]).toEqual([200, newStart]);
        const again = await stack.api.invoke(`${action}-neighbour`);
        expect([again.status, annotation(again.activation, 'ebbStart')]).toEqual([200, 'hot']);
        expect(stack.tenders().map(({ pid }) => pid)).toContain(neighbour.pid);
      },
    );

    if (tender === 'process') {
      it("of the server of a template takes its VMs with it; the next ones have another's", async () => {
        await warmUp('killed-server');
        const activation = stack.api.invoke('killed-server', { ms: 5_000 });
        await new Promise((done) => setTimeout(done, 200));
        const [server] = stack.templates();
        process.kill(server?.pid ?? 0, 'SIGKILL');
        const failed = await activation;
        expect(failed.activation.response).toMatchObject({ result: { error: exited } });
        await expect.poll(() => stack.tenders()).toEqual([]);
        await new Promise((done) => setTimeout(done, 250));
        const next = await stack.api.invoke('killed-server');
        expect([next.status, annotation(next.activation, 'ebbStart')]).toEqual([200, newStart]);
        await expect.poll(() => stack.templates().filter(({ pid }) => pid !== server?.pid)).toHaveLength(2);
        expect(stack.log.records()).toContainEqual(expect.objectContaining({ component: 'templates', level: 50 }));
      });
    }

    it('while it is idle: nobody notices', async () => {
      const own = await warmUp('killed-idle');
      process.kill(own.pid, 'SIGKILL');
      await expect.poll(() => stack.tenders().map(({ pid }) => pid)).not.toContain(own.pid);
      // The stack hears of it by an event of its own, a moment after /proc shows it.
      await new Promise((done) => setTimeout(done, 250));
      const { status, activation } = await stack.api.invoke('killed-idle');
      expect([status, annotation(activation, 'ebbStart')]).toEqual([200, newStart]);
    });
  });
});
