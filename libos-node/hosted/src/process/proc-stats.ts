/** What /proc says of a process and its descendants: ids, memory, CPU time. Processes that end meanwhile count as nothing. */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessFigures {
  readonly pids: readonly number[];
  readonly memoryBytes: number;
  /** Of that, pages which no other process has: copied from a template, or new. Absent where the kernel does not tell. */
  readonly ownBytes?: number;
  readonly cpuMs: number;
  /** Page faults that the host served: pages mapped, made and copied. */
  readonly hostFaults: number;
}

/** USER_HZ, which is 100 on every x86-64 Linux. */
const msPerTick = 10;
const maxProcesses = 1024;

export async function readFigures(...roots: readonly number[]): Promise<ProcessFigures> {
  const pids = [...new Set((await Promise.all(roots.map(withDescendants))).flat())];
  const memory = await Promise.all(pids.map(memoryOf));
  const times = await Promise.all(pids.map(timesOf));
  const own = memory.flatMap(({ own }) => (own === undefined ? [] : [own]));
  return {
    pids,
    memoryBytes: sum(memory.map(({ all }) => all)),
    ...(own.length < pids.length ? {} : { ownBytes: sum(own) }),
    cpuMs: sum(times.map(({ cpuMs }) => cpuMs)),
    hostFaults: sum(times.map(({ faults }) => faults)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

async function withDescendants(root: number): Promise<number[]> {
  const pids = [root];
  for (let index = 0; index < pids.length && pids.length < maxProcesses; index += 1) {
    const folder = `/proc/${pids[index]}/task`;
    for (const thread of await readdir(folder).catch(() => [])) {
      const children = await read(`${folder}/${thread}/children`);
      for (const child of children.split(' ')) if (child !== '') pids.push(Number(child));
    }
  }
  return pids;
}

/** The proportional share of memory, resident memory where the kernel does not tell it; and what is of this process alone. */
async function memoryOf(pid: number): Promise<{ all: number; own?: number }> {
  const smaps = await read(`/proc/${pid}/smaps`);
  if (smaps === '') {
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(await read(`/proc/${pid}/status`));
    return { all: rss === null ? 0 : Number(rss[1]) * 1024 };
  }
  const [pss, dirty, anonymous] = ['Pss', 'Private_Dirty', 'Anonymous'].map((name) =>
    [...smaps.matchAll(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'gm'))].map((match) => Number(match[1]) * 1024),
  );
  // A private page of a file (the template's) is dirty, too, but not anonymous.
  return { all: sum(pss ?? []), own: sum((dirty ?? []).map((bytes, n) => Math.min(bytes, anonymous?.[n] ?? 0))) };
}

async function timesOf(pid: number): Promise<{ cpuMs: number; faults: number }> {
  return parseTimes(await read(`/proc/${pid}/stat`));
}

/**
 * ProcessFigures.hostFaults of these processes and of no descendants; undefined when one of them is gone. Without a thread of the pool, whose
 * wake-up would cost more than the 15 us that such a line takes.
 */
export function readFaults(pids: readonly number[]): number | undefined {
  try {
    return sum(pids.map((pid) => parseTimes(readFileSync(`/proc/${pid}/stat`, 'latin1')).faults));
  } catch {
    return undefined;
  }
}

function parseTimes(text: string): { cpuMs: number; faults: number } {
  // The second field is a name in parentheses and may hold spaces; minflt is field 10, utime and stime are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { cpuMs: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * msPerTick, faults: Number(fields[7] ?? 0) };
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
