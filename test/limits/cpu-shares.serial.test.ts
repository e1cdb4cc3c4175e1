/**
 * CPU shares: two busy VMs with memory 1:4 on one core get CPU time about 1:4, all their processes are in their group before anything
 * of the guest runs, and no group is left. Needs the right to make cgroups; without, the shares are priorities.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BootVm, bootLibos, cpuGroups, createBootLibos, sharesOf, Templates, type Vm } from '@ebbwhisk/libos-node';
import { Client } from 'undici';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuGroups } from '../../libos-node/hosted/src/libos/cpu-groups.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const method = cpuGroups().method;
const hasGroups = method.startsWith('cgroup');
const folder = / at (.*)$/.exec(method)?.[1] ?? '';
const poolMb = 1024;
const busyMs = 2_000;

/** The vCPU and the guest are what burns; the tender's own part counts as well. */
async function cpuMs(vm: Vm): Promise<number> {
  return (await vm.stats()).cpuMs;
}

function pin(pids: readonly number[]): void {
  // -a: each of their threads.
  for (const pid of pids) execFileSync('taskset', ['-a', '-p', '-c', '0', String(pid)], { stdio: 'ignore' });
}

async function spin(vm: Vm): Promise<void> {
  const client = new Client('http://vm', { socketPath: vm.socketPath });
  const code = 'function main() { for (;;); }';
  const headers = { 'content-type': 'application/json' };
  const init = JSON.stringify({ value: { name: 'spin', main: 'main', code, binary: false } });
  await (await client.request({ path: '/init', method: 'POST', headers, body: init })).body.dump();
  // Ends with the VM.
  client.request({ path: '/run', method: 'POST', headers, body: '{"value":{}}' }).catch(() => {});
  void vm.exited.then(() => client.destroy());
}

interface Way {
  readonly name: string;
  /** With these groups; those of this process when there are none given. */
  boots(groups?: () => CpuGroups): { boot: BootVm; close(): Promise<void> };
}

const booted: Way = {
  name: 'booted',
  boots: (groups) => ({
    boot: groups === undefined ? bootLibos : createBootLibos({ cpuGroups: groups }),
    close: () => Promise.resolve(),
  }),
};
const cloned: Way = {
  name: 'cloned',
  boots: (groups) => {
    const templates = new Templates(groups === undefined ? {} : { cpuGroups: groups });
    return { boot: templates.clone, close: () => templates.close() };
  },
};
const ways = [booted, cloned];

forTargets(libosTenders, ({ name, tender }) => {
  describe.each(ways)(`CPU shares, ${name}, $name VMs`, ({ boots }) => {
    const { boot: start, close } = boots();
    afterAll(close);

    it('are in force by memory: 1 to 4', async ({ skip }) => {
      skip(!hasGroups, method);
      const boot = (memoryMb: number) =>
        start({ kind: 'nodejs:24', tender, memoryMb, cpu: { shares: sharesOf(memoryMb, poolMb) } });
      const vms = [await boot(128), await boot(512)] as const;
      try {
        for (const vm of vms) {
          const { pids } = await vm.stats();
          expect(pids).toHaveLength(tender === 'process' ? 2 : 1);
          for (const pid of pids) {
            expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(`/${folder.split('/').at(-1)}/${vm.id}\n`);
          }
          await spin(vm);
          pin(pids);
        }
        const before = await Promise.all(vms.map(cpuMs));
        await new Promise((done) => setTimeout(done, busyMs));
        const after = await Promise.all(vms.map(cpuMs));
        const [small = 0, large = 0] = after.map((ms, index) => ms - (before[index] ?? 0));
        expect(small).toBeGreaterThan(50);
        expect(large / small).toBeGreaterThan(2.5);
        expect(large / small).toBeLessThan(6.5);
      } finally {
        await Promise.all(vms.map((vm) => vm.end()));
      }
      // The kernel takes its time.
      await expect.poll(() => readdirSync(folder).filter((entry) => vms.some(({ id }) => id === entry))).toEqual([]);
    });

    it('may have a hard limit', async ({ skip }) => {
      skip(!hasGroups, method);
      const vm = await start({ kind: 'nodejs:24', tender, memoryMb: 256, cpu: { shares: 1024, quotaPercent: 20 } });
      try {
        await spin(vm);
        const before = await cpuMs(vm);
        const from = performance.now();
        await new Promise((done) => setTimeout(done, busyMs));
        const part = ((await cpuMs(vm)) - before) / (performance.now() - from);
        expect(part).toBeLessThan(0.27);
        expect(part).toBeGreaterThan(0.02);
      } finally {
        await vm.end();
      }
    });

    it('without cgroups are priorities', async () => {
      const none = new CpuGroups({ mounts: '', own: '' });
      expect(none.method).toMatch(/^priorities \(nice\) only/);
      const own = boots(() => none);
      const vm = await own.boot({ kind: 'nodejs:24', tender, memoryMb: 128, cpu: { shares: 128 } });
      try {
        for (const pid of (await vm.stats()).pids) {
          const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
          expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]).toBe('6');
          const autogroup = `/proc/${pid}/autogroup`;
          // Who is not root may set it only ten times a second, all processes of the machine together.
          const allowed = process.getuid?.() === 0 ? / nice 6\n$/ : / nice [06]\n$/;
          if (existsSync(autogroup)) expect(readFileSync(autogroup, 'utf8')).toMatch(allowed);
        }
      } finally {
        await vm.end();
        await own.close();
      }
    });
  });
});

describe('groups of a host process that was killed', () => {
  it('are removed when the next one starts', async ({ skip }) => {
    skip(!hasGroups, method);
    const program = `import { cpuGroups } from '@ebbwhisk/libos-node'; cpuGroups().make('left', { shares: 64 });
      console.log(cpuGroups().method); process.kill(process.pid, 'SIGKILL');`;
    const run = () => {
      try {
        return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
          cwd: import.meta.dirname,
          encoding: 'utf8',
        });
      } catch (error) {
        return (error as { stdout: string }).stdout;
      }
    };
    const left = / at (.*)\n/.exec(run())?.[1] ?? '';
    expect(existsSync(join(left, 'left'))).toBe(true);
    expect(dirname(left)).toBe(dirname(folder));
    const next = / at (.*)\n/.exec(run())?.[1] ?? '';
    expect(next).not.toBe(left);
    expect(existsSync(left)).toBe(false);
    // The last one, too.
    new CpuGroups();
    expect(existsSync(next)).toBe(false);
  });
});
