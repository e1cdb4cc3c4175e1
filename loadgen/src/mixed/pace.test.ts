import { describe, expect, test } from 'vitest';
import { allowedCores } from '../affinity.ts';
import { Pace, readCpuTimes } from './pace.ts';

test('idle and I/O wait are not busy, other cores do not count', () => {
  const text =
    'cpu  50 5 9 900 90 2 3 4 50 60\ncpu0 10 1 5 100 20 2 3 4 50 60\ncpu1 9 9 9 9 9 9 9 9 0 0\ncpu2 1 0 0 5 0 0 0 0 0 0\n';
  expect(readCpuTimes(text, [0])).toEqual({ busy: 25, all: 145 });
  expect(readCpuTimes(text, [0, 2])).toEqual({ busy: 26, all: 151 });
  expect(readCpuTimes().all).toBeGreaterThan(0);
});

test('cores are listed one by one and in ranges', () => {
  expect(allowedCores('Cpus_allowed:\tff\nCpus_allowed_list:\t0-2,5,7-8\n')).toEqual([0, 1, 2, 5, 7, 8]);
});

describe('a machine whose load is what the rest leaves', () => {
  // So much work as a resting time of 40 ms makes 80 % of.
  const busyAt = (restMs: number) => Math.min(1, 0.8 * (50 / (10 + restMs)));

  test('comes to its target', () => {
    const pace = new Pace(80);
    let times = { busy: 0, all: 0 };
    pace.adjust(times);
    for (let second = 0; second < 100; second += 1) {
      times = { busy: times.busy + 200 * busyAt(pace.restMs), all: times.all + 200 };
      pace.adjust(times);
    }
    expect(busyAt(pace.restMs)).toBeCloseTo(0.8, 2);
    expect(pace.meanPercent).toBeGreaterThan(75);
  });
});

test('without a target there is no rest', () => {
  const pace = new Pace(undefined);
  pace.adjust({ busy: 0, all: 0 });
  pace.adjust({ busy: 100, all: 100 });
  expect([pace.restMs, pace.meanPercent]).toEqual([0, 100]);
});
