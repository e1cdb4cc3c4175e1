/** What /proc tells of processes: who descends from whom, and what of a run is still there. Linux only, reads only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Clock ticks since boot: with the pid it names a process for good, for pids are used again. */
  readonly started: string;
  /** `Z`: it has ended, but nobody has waited for it yet. */
  readonly state: string;
  readonly name: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}

export function processEntry(pid: number): ProcessEntry | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name stands in parentheses and may hold any character, so the rest begins behind the last of them.
  const nameEnd = stat.lastIndexOf(')');
  const [state = '', parent, , session, ...rest] = stat.slice(nameEnd + 2).split(' ');
  const name = stat.slice(stat.indexOf('(') + 1, nameEnd);
  return { pid, parent: Number(parent), session: Number(session), started: rest[15] ?? '', state, name };
}

export function allProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => processEntry(Number(pid)))
    .filter((entry) => entry !== undefined);
}

/** Children of `pid`, their children and so on, zombies included. */
export function descendants(pid: number): ProcessEntry[] {
  const all = allProcesses();
  const found: ProcessEntry[] = [];
  const parents = new Set([pid]);
  for (let before = -1; before !== found.length; ) {
    before = found.length;
    for (const entry of all) {
      if (!parents.has(entry.parent) || parents.has(entry.pid)) continue;
      parents.add(entry.pid);
      found.push(entry);
    }
  }
  return found;
}

/** Whether a process known from before still runs. A zombie does not: it is for its parent to wait for it. */
export function isRunning({ pid, started }: ProcessEntry): boolean {
  const now = processEntry(pid);
  return now !== undefined && now.started === started && now.state !== 'Z';
}

export function commandLine(pid: number): string {
  return (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
}

/** The fields of a status file, of the process or of one of its threads. */
export function processStatus(pid: number, thread = pid): ReadonlyMap<string, string> {
  const lines = (read(`/proc/${pid}/task/${thread}/status`) ?? '').split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}

export function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** PF_USER_WORKER of the kernel: a thread that the kernel made for itself inside the process, and that never leaves it. */
const kUserWorker = 0x4000;

export function isKernelWorker(pid: number, thread: number): boolean {
  const stat = read(`/proc/${pid}/task/${thread}/stat`) ?? '';
  const flags = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6];
  return /\(kvm-/.test(stat) && (Number(flags) & kUserWorker) !== 0;
}

/** What the open file descriptors of a process stand for, e.g. `socket:[123]` or a path. */
export function openFiles(pid: number): string[] {
  let fds: string[];
  try {
    fds = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
  return fds.flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  return Number(/^\d+/.exec(processStatus(pid).get('VmRSS') ?? '')?.[0] ?? 0) * 1024;
}

/** Names of unix sockets below a folder that some process still has open. */
export function unixSocketsBelow(folder: string): string[] {
  const paths = (read('/proc/net/unix') ?? '').split('\n').map((line) => line.trim().split(/\s+/)[7] ?? '');
  return [...new Set(paths.filter((path) => path.startsWith(`${folder}/`)))];
}
