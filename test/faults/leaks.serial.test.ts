/**
 * 1,000 hot invocations and 100 cold ones without an error, and what they leave: the same number of VMs, open files and
 * temporary files as before, no growing memory, and nothing at all once the stack was stopped.
 *
 * A stack with room for four VMs first gets more actions than that, so that from then on every cold start ends a VM: the state
 * before and after the measured part is the same by construction, and whatever grows is a leak.
 */
import { describe, expect, it } from 'vitest';
import { annotation } from '../e2e/client.ts';
import { openFiles, type ProcessEntry, residentBytes } from '../e2e/processes.ts';
import type { RunningStack } from '../e2e/stack.ts';
import { suiteStack } from '../e2e/suite-stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const hotCount = 1_000;
const hotWarmUpCount = 400;
const coldCount = 100;
const vms = 4;
const vmMb = 128;
const warmUpCount = 12;
/** What V8 takes or keeps by its own lights after the warm-up; 1 KB lost per invocation would hide in it, 64 KB would not. */
const stackSlackBytes = 64 << 20;
const guestSlackBytes = 24 << 20;

interface Footprint {
  readonly vms: number;
  readonly processes: number;
  readonly stackFiles: number;
  readonly tenderFiles: number;
  readonly temporaryFiles: number;
}

function footprint(stack: RunningStack): Footprint {
  const tenders = stack.tenders();
  return {
    vms: tenders.length,
    processes: stack.processes().length,
    stackFiles: openFiles(stack.pid).length,
    tenderFiles: tenders.reduce((sum, { pid }) => sum + openFiles(pid).length, 0),
    temporaryFiles: stack.temporaryFiles().length,
  };
}

function sumBytes(processes: readonly ProcessEntry[]): number {
  return processes.reduce((sum, { pid }) => sum + residentBytes(pid), 0);
}

/** What there is more of than before: one less is what happened to be open then. */
function grown(before: Footprint, now: Footprint): string[] {
  return (Object.keys(before) as (keyof Footprint)[])
    .filter((key) => now[key] > before[key])
    .map((key) => `${key}: ${before[key]}, then ${now[key]}`);
}

/** Unique source: nothing made for one action serves another. */
const coldSource = (n: number) => `const own = ${n}; function main() { console.log('cold', own); return { own }; }`;

const hotSource = 'function main({ n }) { console.log(n); return { n }; }';

forTargets(libosTenders, ({ name, tender }) => {
  describe(`${hotCount} hot and ${coldCount} cold invocations, ${name}`, () => {
    const running = suiteStack(() => ({ tender, memoryMb: vms * vmMb }));

    it('leave nothing behind', { timeout: 120_000 }, async () => {
      const stack = running();
      const { api } = stack;
      const limits = { memory: vmMb };
      const cold = async (n: number) => {
        await api.putAction(`cold-${n}`, coldSource(n), { limits });
        const { status, activation } = await api.invoke(`cold-${n}`);
        const start = annotation(activation, 'ebbStart');
        expect([status, activation.response.result, start]).toEqual([200, { own: n }, 'cold']);
      };
      const hot = async (count: number) => {
        for (let n = 0; n < count; n++) {
          const action = n % 2 === 0 ? 'hot-quiet' : 'hot';
          const answer = await api.call('POST', `actions/${action}?blocking=true&result=true`, `{"n":${n}}`);
          if (answer.text !== `{"n":${n}}`) throw new Error(`invocation ${n}: ${answer.status} ${answer.text}`);
        }
      };

      for (let n = 0; n < warmUpCount; n++) await cold(n);
      await expect.poll(() => footprint(stack).vms).toBe(vms);
      const before = footprint(stack);

      // Its VM is free again as soon as it has answered, so all its invocations meet the same one.
      const others = new Set(stack.tenders().map(({ pid }) => pid));
      await api.putAction('hot-quiet', hotSource, { limits: { ...limits, logs: 0 } });
      await api.invoke('hot-quiet');
      const [guest] = stack.tenders().filter(({ pid }) => !others.has(pid));
      if (guest === undefined) throw new Error('the action has no VM');
      await api.putAction('hot', hotSource, { limits });
      await hot(hotWarmUpCount);

      const stackBytes = residentBytes(stack.pid);
      const own = await stack.processesOf(guest);
      const guestBytes = sumBytes(own);
      await hot(hotCount);
      const guestGrowth = sumBytes(own) - guestBytes;
      for (let n = 0; n < coldCount; n++) await cold(warmUpCount + n);

      await expect.poll(() => grown(before, footprint(stack))).toEqual([]);
      expect(footprint(stack).vms).toBe(vms);
      expect(guestGrowth).toBeLessThan(guestSlackBytes);
      expect(residentBytes(stack.pid) - stackBytes).toBeLessThan(stackSlackBytes);
      const count = warmUpCount + 1 + hotWarmUpCount + hotCount + coldCount;
      await expect
        .poll(async () => (await api.call('GET', 'activations?count=true')).json)
        .toEqual({ activations: count });
    });
  });
});
