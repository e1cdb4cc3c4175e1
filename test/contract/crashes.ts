/** Actions that end their own process, and VMs that are ended: the connection breaks, the exit report says why. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

export function crashContract(open: OpenSession): void {
  describe('an action that', () => {
    it.each([
      ['calls process.exit', 'process.exit(3)', { reason: 'exit', code: 3 }, undefined],
      [
        'leaves a rejection unhandled',
        'Promise.reject(new Error("lost")); await new Promise(() => {})',
        { reason: 'exit', code: 1 },
        /Error: lost/,
      ],
      [
        'throws in a timer',
        'setTimeout(() => { throw new Error("late") }); await new Promise(() => {})',
        { reason: 'exit', code: 1 },
        /Error: late/,
      ],
      ['calls process.abort', 'process.abort()', { reason: 'abort', signal: 'SIGABRT' }, undefined],
      [
        'kills itself',
        'process.kill(process.pid, "SIGKILL"); await new Promise(() => {})',
        { reason: 'abort', signal: 'SIGKILL' },
        undefined,
      ],
    ])('%s ends the VM', async (_, body, report, logged) => {
      await using session = await open();
      await session.init(`async function main() { console.log("before"); ${body} }`);
      await expect(session.run()).rejects.toThrow(/socket hang up|ECONNRESET/);
      expect(await session.vm.exited).toMatchObject(report);
      expect(await session.lines('stdout')).toEqual(['before']);
      if (logged !== undefined) expect(await session.log('stderr')).toMatch(logged);
    });

    it('ends its process during init breaks the connection', async () => {
      await using session = await open();
      await expect(session.init('process.exit(0)')).rejects.toThrow(/socket hang up|ECONNRESET/);
      expect(await session.vm.exited).toMatchObject({ reason: 'exit', code: 0 });
    });

    it('handles its own rejections and exceptions lives on', async () => {
      await using session = await open();
      await session.init(`process.on('uncaughtException', () => {}); process.on('unhandledRejection', () => {});
        async function main() { Promise.reject(new Error('x')); setTimeout(() => { throw new Error('y') });
          await new Promise((done) => setTimeout(done, 20)); return { ok: 1 } }`);
      expect((await session.run()).json).toEqual({ ok: 1 });
    });

    it('recurses without end gets an error of its own', async () => {
      await using session = await open();
      await session.init('function main() { return main() }');
      expect(await session.run()).toMatchObject({
        status: 502,
        json: { error: 'An error has occurred: RangeError: Maximum call stack size exceeded' },
      });
    });

    it('fills its heap ends the VM with the reason', { timeout: 60_000 }, async () => {
      await using session = await open({ memoryMb: 128 });
      await session.init('function main() { const all = []; for (;;) all.push(new Array(10000).fill(all.length)) }');
      await expect(session.run()).rejects.toThrow(/socket hang up|ECONNRESET/);
      expect(await session.vm.exited).toMatchObject({ reason: 'memory' });
    });
  });

  describe('end()', () => {
    it('ends an action that loops; nothing answers any more', async () => {
      await using session = await open();
      await session.init('function main() { for (;;); }');
      const running = session.run();
      running.catch(() => {});
      await new Promise((done) => setTimeout(done, 50));
      const [report, again] = await Promise.all([session.vm.end(), session.vm.end()]);
      expect(report).toMatchObject({ reason: 'ended' });
      expect(again).toEqual(report);
      expect(await session.vm.exited).toEqual(report);
      await expect(running).rejects.toThrow();
      await expect(connectTo(session.vm.socketPath)).rejects.toThrow(/ENOENT|ECONNREFUSED/);
      await expect(session.vm.stats()).rejects.toMatchObject({ code: 'VM_ENDED' });
    });

    it('leaves no process', async () => {
      await using session = await open();
      const { pids } = await session.vm.stats();
      expect(pids.length).toBeGreaterThan(0);
      await session.vm.end();
      for (const pid of pids) expect(processState(pid)).toMatch(/^(gone|Z)$/);
    });
  });

  it('stats tell memory, CPU time and age', async () => {
    await using session = await open();
    await session.init('function main() { const end = Date.now() + 200; while (Date.now() < end); return {} }');
    const before = await session.vm.stats();
    await session.run();
    let after = await session.vm.stats();
    // On a busy machine it gets little of each run.
    for (let n = 0; n < 20 && after.cpuMs - before.cpuMs < 50; n += 1) {
      await session.run();
      after = await session.vm.stats();
    }
    expect(after.memoryBytes).toBeGreaterThan(1024 * 1024);
    expect(after.cpuMs - before.cpuMs).toBeGreaterThanOrEqual(50);
    expect(after.uptimeMs - before.uptimeMs).toBeGreaterThanOrEqual(190);
    expect(after.start).toBe('cold');
  });
}

/** Of the host's process: its state letter, `Z` once it has ended but nobody has waited for it yet. */
function processState(pid: number): string {
  try {
    return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'gone';
  } catch {
    return 'gone';
  }
}

function connectTo(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
