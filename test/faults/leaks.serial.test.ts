/**
 * 1,000 hot invocations and 100 cold ones without an error, and what they leave: the same number of VMs, open files and
 * temporary files as before, no growing memory, and nothing at all once the stack was stopped.
 *
 * A stack with room for four VMs first gets more actions than that, so that from then on every cold start ends a VM: the state
 * before and after the measured part is the same by construction, and whatever grows is a leak.
 */
import { describe, expect, it } from 'vitest';
import { annotation } from '../e2e/client.ts';
import { descendants, openFiles, residentBytes } from '../e2e/processes.ts';
import { type RunningStack, StackFolder, startStack } from '../e2e/stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const hotCount = 1_000;
const coldCount = 100;
const vms = 4;
const vmMb = 128;
const warmUpCount = 12;
/** What V8 may keep of work that is done. A leak of 1 KB each of the 1,100 invocations would be a megabyte: see `perInvocation`. */
const stackSlackBytes = 48 << 20;
const guestSlackBytes = 24 << 20;

interface Footprint {
  readonly vms: number;
  readonly processes: number;
  readonly stackFiles: number;
  readonly tenderFiles: number;
  readonly temporaryFiles: number;
}

function footprint(stack: RunningStack, folder: StackFolder): Footprint {
  const tenders = stack.tenders();
  return {
    vms: tenders.length,
    processes: stack.processes().length,
    stackFiles: openFiles(stack.pid).length,
    tenderFiles: tenders.reduce((sum, { pid }) => sum + openFiles(pid).length, 0),
    temporaryFiles: folder.left().length,
  };
}

/** Unique source: nothing made for one action serves another. */
const coldSource = (n: number) => `const own = ${n}; function main() { console.log('cold', own); return { own }; }`;

forTargets(libosTenders, ({ name, tender }) => {
  describe(`${hotCount} hot and ${coldCount} cold invocations, ${name}`, () => {
    it('leave nothing behind', { timeout: 120_000 }, async () => {
      const folder = new StackFolder();
      const stack = await startStack(folder, { tender, memoryMb: vms * vmMb });
      const { api } = stack;
      const cold = async (n: number) => {
        await api.putAction(`cold-${n}`, coldSource(n), { limits: { memory: vmMb } });
        const { status, activation } = await api.invoke(`cold-${n}`);
        expect([status, activation.response.result, annotation(activation, 'ebbStart')]).toEqual([
          200,
          { own: n },
          'cold',
        ]);
      };
      const hot = async (n: number) => {
        const { status, text } = await api.call('POST', 'actions/hot?blocking=true&result=true', `{"n":${n}}`);
        if (status !== 200 || text !== `{"n":${n}}`) throw new Error(`invocation ${n}: ${status} ${text}`);
      };
      try {
        for (let n = 0; n < warmUpCount; n++) await cold(n);
        await api.putAction('hot', 'function main({ n }) { console.log(n); return { n }; }', {
          limits: { memory: vmMb },
        });
        const others = new Set(stack.tenders().map(({ pid }) => pid));
        for (let n = 0; n < 200; n++) await hot(n);
        const guest = stack.tenders().find(({ pid }) => !others.has(pid));
        if (guest === undefined) throw new Error('the action has no VM');
        const guestBytes = () =>
          [guest, ...descendants(guest.pid)].reduce((sum, { pid }) => sum + residentBytes(pid), 0);
        await expect.poll(() => footprint(stack, folder).vms).toBe(vms);

        const guestBefore = guestBytes();
        const before = footprint(stack, folder);
        const bytesBefore = residentBytes(stack.pid);
        for (let n = 0; n < hotCount; n++) await hot(n);
        const guestGrown = guestBytes() - guestBefore;
        for (let n = 0; n < coldCount; n++) await cold(warmUpCount + n);
        await hot(0);

        await expect.poll(() => footprint(stack, folder)).toEqual(before);
        const grown = residentBytes(stack.pid) - bytesBefore;
        console.log({ name, before, bytesBefore, grown, guestBefore, guestGrown });
        expect(before.vms).toBe(vms);
        expect(guestGrown).toBeLessThan(guestSlackBytes);
        expect(grown).toBeLessThan(stackSlackBytes);
        const counted = await api.call('GET', 'activations?count=true');
        expect(counted.json).toEqual({ activations: warmUpCount + 200 + hotCount + coldCount + 1 });
      } finally {
        expect(await stack.stop()).toEqual({ status: 0, signal: null, left: [] });
        folder.remove();
      }
    });
  });
});
