/**
 * CPU shares of VMs by cgroups: one folder per host process, `ebbwhisk-<pid>-<start>`, below it one group per VM.
 *
 * Works with cgroup v2 (the nearest ancestor of this process's group that gives its children the cpu controller and that we may write to; a
 * delegated subtree or, for root, the root) and with the cpu controller of v1. Where neither is permitted there are no groups, and `method`
 * says so; the tender then lowers its priority instead. Invariants: a VM's group exists before its tender starts, and the tender joins
 * it before it makes the guest; groups of host processes that died are removed when the next one starts. What comes before a VM's start is
 * synchronous: it takes some microseconds, and a VM that is not in its group must not run.
 */
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdir, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type { CpuShare } from '../vm.ts';

/** The shares of an action, as OpenWhisk's invoker gives them to Docker: all memory of the pool is 1024, and 2 is the least. */
export function sharesOf(memoryMb: number, poolMb: number): number {
  return Math.max(minShares, Math.trunc(maxShares / Math.max(1, Math.trunc(poolMb / memoryMb))));
}

const maxShares = 1024;
const minShares = 2;
const periodUs = 100_000;
/** cgroup v1 takes no more. */
const maxV1Shares = 262_144;
const folderPattern = /^ebbwhisk-(\d+)-(\d+)$/;

export interface CpuGroup {
  /** For the tender's --cgroup. */
  readonly path: string;
  /** Once no process is in it any more. Tries again later when the kernel is not done with it yet. */
  remove(): void;
}

interface Version {
  readonly name: string;
  /** The folder whose children get shares of the CPU. */
  readonly parent: string;
  prepare(folder: string): void;
  setShare(group: string, share: CpuShare): void;
  setWeightOfAll(folder: string, vms: number): void;
}

/** What is read of the machine: replaced in tests. */
export interface CgroupFiles {
  readonly mounts: string;
  readonly own: string;
}

function readFiles(): CgroupFiles {
  return { mounts: readText('/proc/self/mounts'), own: readText('/proc/self/cgroup') };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function words(path: string): string[] {
  return readText(path).trim().split(/\s+/);
}

/** Of a process: with its id it names it for good. */
function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function mountOf({ mounts }: CgroupFiles, isWanted: (type: string, options: string[]) => boolean): string | undefined {
  for (const line of mounts.split('\n')) {
    const [, path, type, options] = line.split(' ');
    if (path !== undefined && type !== undefined && isWanted(type, options?.split(',') ?? [])) return path;
  }
  return undefined;
}

function ownPath({ own }: CgroupFiles, isWanted: (controllers: string[]) => boolean): string | undefined {
  for (const line of own.split('\n')) {
    const [, controllers, ...path] = line.split(':');
    if (controllers !== undefined && isWanted(controllers.split(','))) return path.join(':');
  }
  return undefined;
}

function version1(files: CgroupFiles): Version[] {
  const mount = mountOf(files, (type, options) => type === 'cgroup' && options.includes('cpu'));
  const own = ownPath(files, (controllers) => controllers.includes('cpu'));
  if (mount === undefined || own === undefined) return [];
  return [
    {
      name: 'cgroup v1',
      parent: join(mount, own),
      prepare: () => {},
      setShare: (group, { shares, quotaPercent }) => {
        writeFileSync(join(group, 'cpu.shares'), String(shares));
        if (quotaPercent === undefined) return;
        writeFileSync(join(group, 'cpu.cfs_period_us'), String(periodUs));
        writeFileSync(join(group, 'cpu.cfs_quota_us'), String(Math.round((quotaPercent * periodUs) / 100)));
      },
      setWeightOfAll: (folder, vms) =>
        writeFileSync(join(folder, 'cpu.shares'), String(Math.min(maxV1Shares, Math.max(1, vms) * 1024))),
    },
  ];
}

function version2(files: CgroupFiles): Version[] {
  const mount = mountOf(files, (type) => type === 'cgroup2');
  const own = ownPath(files, ([first]) => first === '');
  if (mount === undefined || own === undefined) return [];
  const ancestors: string[] = [];
  for (let path = join(mount, own); path.startsWith(mount); path = dirname(path)) ancestors.push(path);
  return ancestors
    .filter((path) => words(join(path, 'cgroup.subtree_control')).includes('cpu'))
    .map((parent) => ({
      name: 'cgroup v2',
      parent,
      prepare: (folder) => {
        // Who moves a process needs this right at the ancestor that the two groups share.
        accessSync(join(parent, 'cgroup.procs'), constants.W_OK);
        writeFileSync(join(folder, 'cgroup.subtree_control'), '+cpu');
      },
      setShare: (group, { shares, quotaPercent }) => {
        writeFileSync(join(group, 'cpu.weight'), String(weight(shares / maxShares)));
        if (quotaPercent === undefined) return;
        writeFileSync(join(group, 'cpu.max'), `${Math.round((quotaPercent * periodUs) / 100)} ${periodUs}`);
      },
      setWeightOfAll: (folder, vms) =>
        writeFileSync(join(folder, 'cpu.weight'), String(weight(Math.max(1, vms) / 100))),
    }));
}

/** Of cgroup v2: 1 to 10000; a process beside groups has 100. */
function weight(part: number): number {
  return Math.min(10_000, Math.max(1, Math.round(part * 10_000)));
}

export class CpuGroups {
  /** In words, for the log: how VMs get their shares, or why they do not. */
  readonly method: string;
  readonly #version: Version | undefined;
  readonly #folder: string | undefined;
  readonly #processors: number;
  readonly #leftovers = new Set<string>();
  #vms = 0;

  constructor(files: CgroupFiles = readFiles(), processors = availableParallelism()) {
    this.#processors = processors;
    let refusal = 'no cpu controller is mounted or delegated';
    for (const version of [...version2(files), ...version1(files)]) {
      try {
        removeDead(version.parent);
        const folder = join(version.parent, `ebbwhisk-${process.pid}-${startOf(process.pid)}`);
        mkdirSync(folder, { recursive: true });
        try {
          version.prepare(folder);
        } catch (error) {
          rmdirSync(folder);
          throw error;
        }
        this.#version = version;
        this.#folder = folder;
        this.method = `${version.name} at ${folder}`;
        process.once('exit', () => removeFolder(folder));
        return;
      } catch (error) {
        refusal = `${version.name} at ${version.parent}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
      }
    }
    this.method = `priorities (nice) only, for cgroups are not permitted: ${refusal}`;
  }

  /** A group for one VM, or nothing where there are none. */
  make(name: string, share: CpuShare): CpuGroup | undefined {
    const [folder, version] = [this.#folder, this.#version];
    if (folder === undefined || version === undefined) return undefined;
    for (const left of this.#leftovers) this.#remove(left);
    const path = join(folder, name);
    try {
      mkdirSync(path, { recursive: true });
      version.setShare(path, share);
    } catch {
      // Somebody took the folder away, or the machine's number of groups is used up: this VM goes without.
      this.#remove(path);
      return undefined;
    }
    this.#setWeight(1);
    let isRemoved = false;
    return {
      path,
      remove: () => {
        if (isRemoved) return;
        isRemoved = true;
        this.#setWeight(-1);
        this.#remove(path);
      },
    };
  }

  /**
   * Together the VMs weigh as much beside other processes as if they were in no group, but no more than the processors can run at once: a
   * hundred of them, most idle, would leave nothing to the process that serves them.
   */
  #setWeight(change: number): void {
    this.#vms += change;
    if (this.#folder === undefined) return;
    try {
      this.#version?.setWeightOfAll(this.#folder, Math.min(this.#vms, this.#processors));
    } catch {
      // As above.
    }
  }

  /** Elsewhere: the kernel takes a millisecond or more for it, waiting. */
  #remove(path: string): void {
    rmdir(path, (error) => {
      if (error === null || error.code === 'ENOENT') this.#leftovers.delete(path);
      else this.#leftovers.add(path);
    });
  }
}

function removeFolder(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeFolder(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch {
    // Somebody is still in it: the next start removes it.
  }
}

/** Groups of host processes that did not end in order. Their VMs have ended with them, for the channel to them is closed. */
function removeDead(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, start] = folderPattern.exec(name) ?? [];
    if (pid !== undefined && startOf(Number(pid)) !== start) removeFolder(join(parent, name));
  }
}

let groups: CpuGroups | undefined;

/** Those of this host process, made when first asked for. */
export function cpuGroups(): CpuGroups {
  groups ??= new CpuGroups();
  return groups;
}

/** Where there are no groups: how much a VM's priority is lowered. 512 MB, OpenWhisk's largest action, is not; a step is a quarter. */
export function niceOf(memoryMb: number): number {
  const fullMb = 512;
  const step = 1.25;
  return Math.min(19, Math.max(0, Math.round(Math.log(fullMb / memoryMb) / Math.log(step))));
}
