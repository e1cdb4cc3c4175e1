/** What /proc says of a process and its descendants: ids, memory, CPU time. Processes that end meanwhile count as nothing. */
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessFigures {
  readonly pids: readonly number[];
  readonly memoryBytes: number;
  readonly cpuMs: number;
}

/** USER_HZ, which is 100 on every x86-64 Linux. */
const msPerTick = 10;
const maxProcesses = 1024;

export async function readFigures(...roots: readonly number[]): Promise<ProcessFigures> {
  const pids = [...new Set((await Promise.all(roots.map(withDescendants))).flat())];
  const memory = await Promise.all(pids.map(memoryOf));
  const cpu = await Promise.all(pids.map(cpuOf));
  return { pids, memoryBytes: sum(memory), cpuMs: sum(cpu) };
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

/** The proportional share of memory; resident memory where the kernel does not tell it. */
async function memoryOf(pid: number): Promise<number> {
  const pss = /^Pss:\s+(\d+) kB$/m.exec(await read(`/proc/${pid}/smaps_rollup`));
  if (pss !== null) return Number(pss[1]) * 1024;
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(await read(`/proc/${pid}/status`));
  return rss === null ? 0 : Number(rss[1]) * 1024;
}

async function cpuOf(pid: number): Promise<number> {
  const text = await read(`/proc/${pid}/stat`);
  // The second field is a name in parentheses and may hold spaces; utime and stime are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * msPerTick;
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
