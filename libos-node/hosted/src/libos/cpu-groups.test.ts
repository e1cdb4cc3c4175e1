/** Which cgroups are found and what is written to them, on made-up machines: folders of the test stand for the kernel's. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CpuGroups, niceOf, sharesOf } from './cpu-groups.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ebbwhisk-cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const version1 = (own = '/') => ({
  mounts: `cgroup ${root} cgroup rw,relatime,cpu,cpuacct 0 0\n`,
  own: `3:cpu,cpuacct:${own}\n0::/x\n`,
});
const version2 = (own: string) => ({ mounts: `cgroup2 ${root} cgroup2 rw,nsdelegate 0 0\n`, own: `0::${own}\n` });

function group(folder: string): string {
  return join(folder, readdirSync(folder).find((name) => name.startsWith(`ebbwhisk-${process.pid}-`)) ?? 'none');
}

describe('cgroup v1', () => {
  it('gets shares and quota in a group per VM', () => {
    mkdirSync(join(root, 'mine'));
    const groups = new CpuGroups(version1('/mine'));
    const folder = group(join(root, 'mine'));
    expect(groups.method).toBe(`cgroup v1 at ${folder}`);
    const made = groups.make('libos-1', { shares: 128, quotaPercent: 50 });
    expect(made?.path).toBe(join(folder, 'libos-1'));
    const read = (name: string) => readFileSync(join(folder, 'libos-1', name), 'utf8');
    expect([read('cpu.shares'), read('cpu.cfs_period_us'), read('cpu.cfs_quota_us')]).toEqual([
      '128',
      '100000',
      '50000',
    ]);
  });

  it('weighs all VMs together as if they were alone', () => {
    const groups = new CpuGroups(version1(), 2);
    const weight = () => readFileSync(join(group(root), 'cpu.shares'), 'utf8');
    const made = ['a', 'b', 'c'].map((name) => groups.make(name, { shares: 2 }));
    // No more than the processors can run.
    expect(weight()).toBe('2048');
    made[0]?.remove();
    made[0]?.remove();
    expect(weight()).toBe('2048');
    made[1]?.remove();
    expect(weight()).toBe('1024');
  });

  it('forgets groups of processes that are gone, and only those', () => {
    mkdirSync(join(root, 'ebbwhisk-999999999-1/libos-1'), { recursive: true });
    mkdirSync(join(root, `ebbwhisk-${process.pid}-1`));
    mkdirSync(join(root, 'ebbwhisk-other'));
    new CpuGroups(version1());
    expect(existsSync(join(root, 'ebbwhisk-999999999-1'))).toBe(false);
    expect(existsSync(join(root, `ebbwhisk-${process.pid}-1`))).toBe(false);
    expect(existsSync(join(root, 'ebbwhisk-other'))).toBe(true);
  });
});

describe('cgroup v2', () => {
  it('is used below the nearest ancestor that gives its children the controller', () => {
    mkdirSync(join(root, 'user/session'), { recursive: true });
    writeFileSync(join(root, 'cgroup.subtree_control'), 'cpu memory\n');
    writeFileSync(join(root, 'user/cgroup.subtree_control'), 'memory cpu\n');
    writeFileSync(join(root, 'user/cgroup.procs'), '');
    writeFileSync(join(root, 'user/session/cgroup.subtree_control'), '\n');
    const groups = new CpuGroups(version2('/user/session'));
    const folder = group(join(root, 'user'));
    expect(groups.method).toBe(`cgroup v2 at ${folder}`);
    expect(readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu');
    groups.make('libos-1', { shares: 256, quotaPercent: 150 });
    const read = (name: string) => readFileSync(join(folder, 'libos-1', name), 'utf8');
    expect([read('cpu.weight'), read('cpu.max')]).toEqual(['2500', '150000 100000']);
  });

  it('is not used where processes may not be moved', () => {
    writeFileSync(join(root, 'cgroup.subtree_control'), 'cpu\n');
    const groups = new CpuGroups(version2('/'));
    expect(groups.method).toMatch(/^priorities \(nice\) only, for cgroups are not permitted: cgroup v2 at .*: ENOENT$/);
    expect(groups.make('libos-1', { shares: 256 })).toBeUndefined();
    expect(readdirSync(root)).toEqual(['cgroup.subtree_control']);
  });
});

it('without any cgroup says so', () => {
  expect(new CpuGroups({ mounts: '', own: '' }).method).toBe(
    'priorities (nice) only, for cgroups are not permitted: no cpu controller is mounted or delegated',
  );
});

it('shares are as OpenWhisk gives them', () => {
  expect([128, 256, 512, 2048].map((mb) => sharesOf(mb, 2048))).toEqual([64, 128, 256, 1024]);
  // Its division is one of whole numbers.
  expect(sharesOf(700, 2048)).toBe(512);
  expect(sharesOf(128, 1_000_000)).toBe(2);
  expect(sharesOf(4096, 2048)).toBe(1024);
});

it('priorities fall by a step for each quarter less than 512 MB', () => {
  expect([64, 128, 256, 512, 4096].map(niceOf)).toEqual([9, 6, 3, 0, 0]);
});
