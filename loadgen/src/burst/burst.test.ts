/** The parts of a burst run, by a clock and figures of the test's own; the whole is run in cli.test.ts. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { unlikeActions } from '../mixed/catalogue.ts';
import type { Totals } from '../tally.ts';
import { interference } from './interference.ts';
import { Steady } from './steady.ts';
import { Windows } from './windows.ts';

function totals(count: number, p99: number, errors = 0): Totals {
  return { count, errors, starts: { cold: 0, warm: 0, hot: count }, latencyMs: { p50: 1, p90: 1, p99, max: p99 } };
}

test('windows: what began before, within or over a burst met it', () => {
  const windows = new Windows();
  expect(windows.met(0)).toBe(false);
  windows.begin(10);
  expect(windows.met(5)).toBe(true);
  // Two that overlap are one.
  windows.begin(12);
  windows.end(15);
  expect(windows.met(14)).toBe(true);
  windows.end(20);
  expect(windows.met(19)).toBe(true);
  expect(windows.met(21)).toBe(false);
  windows.begin(30);
  windows.end(31);
  expect(windows.met(22)).toBe(true);
  expect(windows.closed).toEqual([
    [10, 20],
    [30, 31],
  ]);
});

test.each([
  [100, 5, 'kept', 5],
  [100, 5.2, 'BROKEN', 5.2],
  [19, 100, 'unknown', null],
])('%i inside with a p99 of %d: %s', (count, p99, verdict, ratio) => {
  expect(interference(totals(count, p99), totals(100, 1))).toMatchObject({ verdict, ratio, allowed: 5 });
});

test('failed invocations are no sample of latency', () => {
  expect(interference(totals(100, 9, 90), totals(100, 1))).toMatchObject({ verdict: 'unknown', inside: { count: 10 } });
});

test('a steady stream makes up for what was late, and stops', async () => {
  let now = 0;
  const begun: [number, number][] = [];
  const steady = new Steady(
    100,
    6,
    (n, lateMs) => begun.push([n, lateMs]),
    () => now,
  );
  steady.start();
  expect(begun).toEqual([[0, 0]]);
  now = 35;
  await expect.poll(() => begun.length).toBe(4);
  expect(begun.slice(1)).toEqual([
    [1, 25],
    [2, 15],
    [3, 5],
  ]);
  steady.stop();
  now = 47;
  await sleep(30);
  expect(begun).toHaveLength(4);
  steady.finish();
  expect(begun.slice(4)).toEqual([[4, 7]]);
  now = 1000;
  steady.finish();
  expect(begun).toHaveLength(6);
});

test('no two functions of a crowd, or of two crowds, have the same text', () => {
  const texts = [...unlikeActions(50, 'one'), ...unlikeActions(50, 'two')].map(({ source }) => source);
  expect(new Set(texts).size).toBe(100);
  expect(new Set(unlikeActions(50, 'one').map(({ family }) => family))).not.toContain('looping');
});
