/** From samples to what is told: medians, ratios to plain Node, their geometric mean, and the lines to be above. */

import type { Sample } from './contest.ts';
import { freshMemoryRows, type RowName } from './rows.ts';

export interface Figures {
  readonly n: number;
  readonly ms: { readonly min: number; readonly median: number; readonly p99: number };
  /** Median. */
  readonly cpuMs: number;
  /** Plain Node's median over this one's: 1 = as fast, less = slower. Of the program's clock, and of CPU time. */
  readonly ratio: number;
  readonly cpuRatio: number;
  /** Of the shortest times, which a busy machine disturbs least. */
  readonly bestRatio: number;
}

/** A ratio below these fails. */
export const passLines = { mean: 0.97, row: 0.9, freshMemoryRow: 0.85 } as const;

export function figuresOf(samples: readonly Sample[], baseline: readonly Sample[]): Figures {
  const of = (key: keyof Sample, from: readonly Sample[]) => from.map((sample) => sample[key]);
  const ms = of('ms', samples);
  const cpuMs = median(of('cpuMs', samples));
  return {
    n: ms.length,
    ms: { min: Math.min(...ms), median: median(ms), p99: percentile(ms, 99) },
    cpuMs,
    ratio: median(of('ms', baseline)) / median(ms),
    cpuRatio: median(of('cpuMs', baseline)) / cpuMs,
    bestRatio: Math.min(...of('ms', baseline)) / Math.min(...ms),
  };
}

export function passLine(row: RowName): number {
  return freshMemoryRows.has(row) ? passLines.freshMemoryRow : passLines.row;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

export function median(values: readonly number[]): number {
  return (percentile(values, 50) + at(sorted(values), Math.floor(values.length / 2))) / 2;
}

/** Nearest rank. */
export function percentile(values: readonly number[], percent: number): number {
  return at(sorted(values), Math.max(0, Math.ceil((values.length * percent) / 100) - 1));
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

function at(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}
