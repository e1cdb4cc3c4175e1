/**
 * kill -9 of a whole stack while its VMs work: no process of it survives, and what it left on disk is gone once the next stack has
 * started. Another stack of the same user, beside it, notices nothing.
 */

import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { descendants, isRunning } from '../e2e/processes.ts';
import { type RunningStack, StackFolder, startStack } from '../e2e/stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const actions = {
  loops: 'function main(p) { if (p.ok) return {}; for (;;); }',
  waits: 'function main(p) { return p.ok ? {} : new Promise(() => {}); }',
  writes: `async function main(p) { for (let n = 0; !p.ok; n++) { console.log('line', n); if (n % 100 === 0) await new Promise(setImmediate); } return {}; }`,
};

/** Each action with a VM that works on it. */
async function busy(stack: RunningStack): Promise<void> {
  for (const [name, code] of Object.entries(actions)) {
    await stack.api.putAction(name, code);
    expect((await stack.api.invoke(name, { ok: true })).status).toBe(200);
    stack.api.invoke(name).catch(() => {}); // Its stack will be gone.
  }
  await new Promise((done) => setTimeout(done, 200));
}

forTargets(libosTenders, ({ name, tender }) => {
  describe(`kill -9 of a stack, ${name}`, () => {
    it('leaves no process at once, and no file after the next start', { timeout: 60_000 }, async () => {
      const folder = new StackFolder();
      const neighbourFolder = new StackFolder(folder.temporary);
      const neighbour = await startStack(neighbourFolder, { tender });
      const stacks = [neighbour];
      try {
        await neighbour.api.putAction('neighbour', 'function main() { return { here: true }; }');
        await neighbour.api.invoke('neighbour');
        const [neighbourVm] = neighbour.tenders();
        const neighbourFiles = neighbour.temporaryFiles();

        const stack = await startStack(folder, { tender });
        stacks.push(stack);
        await busy(stack);
        const tenders = stack.tenders();
        expect(tenders).toHaveLength(Object.keys(actions).length);
        // One that cannot act for itself.
        process.kill(tenders[0]?.pid ?? 0, 'SIGSTOP');
        const processes = stack.processes();
        await stack.kill();
        await expect.poll(() => processes.filter(isRunning), { timeout: 5_000 }).toEqual([]);
        // The neighbour may be making its template yet.
        const isNeighbours = (file: string) => neighbourFiles.includes(file) || neighbourFiles.includes(dirname(file));
        const left = neighbour.temporaryFiles().filter((file) => !isNeighbours(file));
        expect(left.length).toBeGreaterThan(0);

        const next = await startStack(folder, { tender });
        stacks.push(next);
        const now = next.temporaryFiles();
        expect(now.filter((file) => left.includes(file))).toEqual([]);
        expect(now).toEqual(expect.arrayContaining(neighbourFiles));
        expect((await next.api.invoke('waits', { ok: true })).status).toBe(200);
        expect((await next.stop()).status).toBe(0);

        expect(neighbourVm !== undefined && isRunning(neighbourVm)).toBe(true);
        const { activation } = await neighbour.api.invoke('neighbour');
        expect(activation.response.result).toEqual({ here: true });
        expect(neighbour.tenders().map(({ pid }) => pid)).toEqual([neighbourVm?.pid]);
        expect(await neighbour.stop()).toMatchObject({ status: 0, left: [] });
      } finally {
        for (const each of stacks) await each.stop();
        neighbourFolder.remove();
        folder.remove();
      }
    });
  });
});

describe('kill -9 of a stack of plain processes', () => {
  it('leaves at most one that never yields, which the next start ends', { timeout: 60_000 }, async () => {
    const folder = new StackFolder();
    const stack = await startStack(folder, { tender: 'process', target: 'process' });
    await busy(stack);
    const processes = descendants(stack.pid);
    expect(processes).toHaveLength(Object.keys(actions).length);
    await stack.kill();
    expect(processes.filter(isRunning).length).toBeLessThanOrEqual(1);
    const next = await startStack(folder, { tender: 'process', target: 'process' });
    expect(processes.filter(isRunning)).toEqual([]);
    expect(readdirSync(folder.temporary)).toEqual([]);
    expect(await next.stop()).toMatchObject({ status: 0, left: [] });
    folder.remove();
  });
});
