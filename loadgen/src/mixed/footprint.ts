/** What a stack holds of the machine, taken now and then during a long run, and whether it grew. */

import { readdir, readFile } from 'node:fs/promises';
import { readFigures } from '@ebbwhisk/libos-node/process-figures';
import { availableMb } from '../memory.ts';

export interface Footprint {
  readonly seconds: number;
  /** Proportional memory of the stack's own process, MB. */
  readonly stackMb: number;
  /** Of all its VMs together. */
  readonly vmsMb: number;
  /** Of the whole machine, MB. */
  readonly availableMb: number;
  readonly processes: number;
  /** Descriptors of the stack and of all tenders. */
  readonly files: number;
  readonly invocations: number;
  readonly errors: number;
}

const kMb = 1 << 20;

export async function takeFootprint(pid: number): Promise<Omit<Footprint, 'seconds' | 'invocations' | 'errors'>> {
  const own = (await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')).match(/^Pss:\s+(\d+) kB$/m);
  const { pids, memoryBytes } = await readFigures(pid);
  const files = await Promise.all(pids.map((each) => readdir(`/proc/${each}/fd`).catch(() => [])));
  const stackMb = Number(own?.[1] ?? 0) / 1024;
  return {
    stackMb: round(stackMb),
    vmsMb: round(memoryBytes / kMb - stackMb),
    availableMb: round(await availableMb()),
    processes: pids.length,
    files: files.reduce((sum, each) => sum + each.length, 0),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface Growth {
  readonly what: 'stackMb' | 'vmsMb' | 'processes' | 'files';
  /** Medians of the second quarter of the run and of its last one. */
  readonly early: number;
  readonly late: number;
  readonly allowed: number;
  readonly grew: boolean;
}

/** The share by which a figure may differ, and the difference that never matters. */
const kAllowed: readonly (readonly [Growth['what'], number, number])[] = [
  ['stackMb', 0.15, 24],
  ['vmsMb', 0.15, 64],
  ['processes', 0.1, 4],
  ['files', 0.1, 16],
];

/** Empty when there are too few samples to say anything. The first quarter is left out: caches and heaps find their size in it. */
export function growth(samples: readonly Footprint[]): Growth[] {
  const quarter = Math.floor(samples.length / 4);
  if (quarter < 2) return [];
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  return kAllowed.map(([what, share, least]) => {
    const [early, late] = [median(second.map((each) => each[what])), median(last.map((each) => each[what]))];
    const allowed = round(Math.max(early * share, least));
    return { what, early, late, allowed, grew: late - early > allowed };
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
