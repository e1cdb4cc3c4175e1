/** What a measurement prints: one line of JSON with fixed names, or a table for people. */

import { type Footprint, growth } from './mixed/footprint.ts';
import type { MixedMeasurement } from './mixed/measure.ts';
import type { LoadOptions } from './options.ts';
import type { Measurement } from './runner.ts';

/** The line of `--json`. The tender is null where there is none (target process). */
export function jsonLine(options: LoadOptions, { count, errors, starts, latencyMs, perSecond }: Measurement): string {
  const { mode, via, target, pool } = options;
  const tender = target === 'process' ? null : options.tender;
  return JSON.stringify({ mode, via, target, tender, pool, count, errors, starts, latencyMs, perSecond });
}

export function table(options: LoadOptions, { count, errors, starts, latencyMs, perSecond }: Measurement): string {
  const { mode, via, target, tender } = options;
  const { p50, p90, p99, max } = latencyMs;
  return columns([
    ['what', `${mode} via ${via}, target ${target}${target === 'libos' ? `, tender ${tender}` : ''}`],
    ['invocations', `${count}, ${options.concurrency} at a time, ${errors} errors`],
    ['starts', `${starts.cold} cold, ${starts.warm} warm, ${starts.hot} hot`],
    ['latency', `p50 ${ms(p50)}  p90 ${ms(p90)}  p99 ${ms(p99)}  max ${ms(max)}`],
    ['rate', `${perSecond} per second`],
  ]);
}

/** What the mixed load adds to the table. */
export function mixedTable({ cpuPercent, families, footprints }: MixedMeasurement): string {
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

export function footprintLine({ seconds, stackMb, vmsMb, availableMb, processes, files, ...done }: Footprint): string {
  return [
    `${seconds} s: ${done.invocations} invocations, ${done.errors} errors`,
    `stack ${stackMb} MB, VMs ${vmsMb} MB, available ${availableMb} MB`,
    `${processes} processes, ${files} files\n`,
  ].join('; ');
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
