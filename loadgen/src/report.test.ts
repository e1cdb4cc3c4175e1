/** The tables and lines of bursts and density, and what makes the exit status 1. */

import { expect, test } from 'vitest';
import type { BurstMeasurement } from './burst/measure.ts';
import type { DensityMeasurement } from './density/measure.ts';
import { parseOptions } from './options.ts';
import { jsonLine, text } from './report.ts';
import { hasFailed } from './result.ts';
import { sampleRun } from './testing/saved-run.ts';

const { series, interference, density } = sampleRun();
const totals = { count: 8, errors: 0, starts: { cold: 8, warm: 0, hot: 0 }, latencyMs: { p50: 9, p90: 20, p99: 30, max: 31 } }; // biome-ignore format: one line
const measurement = { ...totals, perSecond: 4, errorTexts: [], series };

function burst(changes: Partial<BurstMeasurement['background']> = {}): BurstMeasurement {
  if (interference === null) throw new Error('no sample');
  const background = { ...totals, count: 330, perSecond: 50, lateMs: totals.latencyMs, ...interference, ...changes };
  return { ...measurement, windows: [], bursts: [{ ...totals, number: 1, seconds: 5, ms: 40 }], background };
}

test('a burst', () => {
  const options = parseOptions(['--mode', 'burst']);
  const table = text(options, burst());
  expect(table).toMatch(/^invocations {2}8, 100 at once, 0 errors$/m);
  expect(table).toMatch(/^burst 1 +p50 9.000 ms {2}p99 30.0 ms {2}whole 40.0 ms, 0 errors$/m);
  expect(table).toMatch(/^in bursts +30, p50 1.000 ms {2}p99 4.500 ms$/m);
  expect(table).toMatch(/^p99 ratio +3x: kept \(at most 5x\)$/m);
  expect(text(options, burst({ ratio: null, verdict: 'unknown' }))).toMatch(/^p99 ratio +too few invocations/m);
  expect(JSON.parse(jsonLine(options, burst()))).toMatchObject({ mode: 'burst', background: { ratio: 3 } });
});

test.each([
  [burst(), false],
  [burst({ verdict: 'unknown', ratio: null }), false],
  [burst({ verdict: 'BROKEN', ratio: 6 }), true],
  [burst({ errors: 1 }), true],
  [{ ...burst(), errors: 1 }, true],
])('what fails', (result, failed) => {
  expect(hasFailed(result)).toBe(failed);
});

test('density', () => {
  const options = parseOptions('--mode density --via vm'.split(' '));
  if (density === null) throw new Error('no sample');
  const result: DensityMeasurement = { ...measurement, density };
  const table = text(options, result);
  expect(table).toMatch(/^cached +20 functions, ended by their number$/m);
  expect(table).toMatch(/^memory +50 MB by the fall of MemAvailable: 31 MB with the first, 1 MB each$/m);
  expect(table).toMatch(/^noise +2 MB/m);
  expect(table).toMatch(/^disk +24 MB of snapshots: 1.2 MB each$/m);
  expect(table).toMatch(/^in 20 GB +of memory about 20450, of disk about 17066$/m);
  const none = { ...density, in20Gb: { memory: null, disk: null }, diskMb: 0, ownEachMb: 1.5 };
  const other = text(options, { ...result, density: none });
  expect(other).toMatch(/^private +1.5 MB each/m);
  expect(other).toMatch(/^in 20 GB +of memory cannot be told from the noise$/m);
});
