/** What a measurement prints: one line of JSON with fixed names, or a table for people. */

import type { Burst } from './burst/crowd.ts';
import type { BurstMeasurement } from './burst/measure.ts';
import type { Density } from './density/measure.ts';
import { type Footprint, growth } from './mixed/footprint.ts';
import type { MixedMeasurement } from './mixed/measure.ts';
import type { LoadOptions } from './options.ts';
import { isBurst, isDensity, isMixed, type Result } from './result.ts';
import type { Measurement } from './runner.ts';

/** The line of `--json`. The tender is null where there is none (plain Node, containers). */
export function jsonLine(options: LoadOptions, result: Result): string {
  const { count, errors, starts, latencyMs, perSecond } = result;
  const { mode, via, target, pool } = options;
  const tender = target === 'libos' ? options.tender : null;
  const common = { mode, via, target, tender, pool, count, errors, starts, latencyMs, perSecond };
  if (isBurst(result)) return JSON.stringify({ ...common, bursts: result.bursts, background: result.background });
  if (isDensity(result)) return JSON.stringify({ ...common, density: result.density });
  return JSON.stringify(common);
}

/** The same and more, for people. */
export function text(options: LoadOptions, result: Result): string {
  if (isMixed(result)) return (options.json ? '' : table(options, result)) + mixedTable(result);
  if (isBurst(result)) return table(options, result) + burstTable(result);
  if (isDensity(result)) return table(options, result) + densityTable(result.density);
  return table(options, result);
}

function table(options: LoadOptions, { count, errors, starts, latencyMs, perSecond }: Measurement): string {
  const { mode, via, target, tender } = options;
  const { p50, p90, p99, max } = latencyMs;
  const atATime = mode === 'burst' ? `${options.burstSize} at once` : `${options.concurrency} at a time`;
  return columns([
    ['what', `${mode} via ${via}, target ${target}${target === 'libos' ? `, tender ${tender}` : ''}`],
    ['invocations', `${count}, ${atATime}, ${errors} errors`],
    ['starts', `${starts.cold} cold, ${starts.warm} warm, ${starts.hot} hot`],
    ['latency', `p50 ${ms(p50)}  p90 ${ms(p90)}  p99 ${ms(p99)}  max ${ms(max)}`],
    ['rate', `${perSecond} per second`],
  ]);
}

/** What the mixed load adds to the table. */
function mixedTable({ cpuPercent, families, footprints }: MixedMeasurement): string {
  const grown = growth(footprints);
  return columns([
    ['cpu', `${cpuPercent} % of the machine, everything on it counted`],
    [
      'actions',
      Object.entries(families)
        .map(([family, count]) => `${family} ${count}`)
        .join(', '),
    ],
    ...grown.map(({ what, early, late, allowed, grew }) => [
      what,
      `${early} early, ${late} late: ${grew ? 'GREW' : 'flat'} (at most ${allowed} more)`,
    ]),
    ...(grown.length === 0 ? [['footprint', 'too few samples to compare']] : []),
  ]);
}

function burstTable({ bursts, background }: BurstMeasurement): string {
  const { inside, outside, ratio, allowed, verdict, starts, lateMs } = background;
  const side = ({ count, p50, p99 }: typeof inside) => `${count}, p50 ${ms(p50)}  p99 ${ms(p99)}`;
  return columns([
    ...bursts.map((each) => [
      `burst ${each.number}`,
      `p50 ${ms(each.latencyMs.p50)}  p99 ${ms(each.latencyMs.p99)}  whole ${ms(each.ms)}, ${each.errors} errors`,
    ]),
    [
      'background',
      `${background.count} at ${background.perSecond} a second, ${background.errors} errors, ${starts.cold} cold, ${starts.warm} warm, ${starts.hot} hot`,
    ],
    ['in bursts', side(inside)],
    ['outside', side(outside)],
    ['sent late', `p99 ${ms(lateMs.p99)}  max ${ms(lateMs.max)}`],
    ['p99 ratio', ratio === null ? 'too few invocations to compare' : `${ratio}x: ${verdict} (at most ${allowed}x)`],
  ]);
}

function densityTable(density: Density): string {
  const { what, functions, endedBy, memoryMb, fixedMb, memoryEachMb, noiseMb } = density;
  const { diskMb, diskEachMb, ownEachMb, in20Gb } = density;
  const fits = (each: number | null) => (each === null ? 'cannot be told from the noise' : `about ${each}`);
  return columns([
    [what === 'cached' ? 'cached' : 'live', `${functions} functions, ended by ${endedByTexts[endedBy]}`],
    ['memory', `${memoryMb} MB by the fall of MemAvailable: ${fixedMb} MB with the first, ${memoryEachMb} MB each`],
    ['noise', `${noiseMb} MB came and went while nothing was done`],
    ...(ownEachMb === null ? [] : [['private', `${ownEachMb} MB each by /proc, mean of a few`]]),
    ['disk', diskMb === 0 ? 'nothing' : `${diskMb} MB of snapshots: ${diskEachMb} MB each`],
    [
      'in 20 GB',
      [`of memory ${fits(in20Gb.memory)}`, ...(diskMb === 0 ? [] : [`of disk ${fits(in20Gb.disk)}`])].join(', '),
    ],
  ]);
}

const endedByTexts: Readonly<Record<Density['endedBy'], string>> = {
  count: 'their number',
  budget: 'the budget',
  machine: 'what the machine has left',
};

export function footprintLine({ seconds, stackMb, vmsMb, availableMb, processes, files, ...done }: Footprint): string {
  return [
    `${seconds} s: ${done.invocations} invocations, ${done.errors} errors`,
    `stack ${stackMb} MB, VMs ${vmsMb} MB, available ${availableMb} MB`,
    `${processes} processes, ${files} files\n`,
  ].join('; ');
}

export function burstLine({ number, seconds, count, errors, ms: whole, latencyMs: { p50, p99 } }: Burst): string {
  return `${seconds} s: burst ${number}, ${count} in ${ms(whole)}; p50 ${ms(p50)}, p99 ${ms(p99)}; ${errors} errors\n`;
}

export function densityProgressLine(functions: number, memoryMb: number, diskMb: number): string {
  return `${functions} functions; memory ${memoryMb.toFixed(0)} MB, disk ${diskMb.toFixed(0)} MB\n`;
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(3) : value.toFixed(1)} ms`;
}

/** Left-aligned columns, two blanks apart. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  const line = (row: readonly string[]) => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}
