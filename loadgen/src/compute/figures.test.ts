import { expect, test } from 'vitest';
import { figuresOf, geometricMean, median, passLine, percentile } from './figures.ts';

const samples = (...ms: number[]) => ms.map((each) => ({ ms: each, cpuMs: each * 2 }));

test('a ratio is the baseline over the measured one: slower is less than 1', () => {
  const figures = figuresOf(samples(200, 210, 190), samples(100, 90, 400));
  expect(figures).toEqual({
    n: 3,
    ms: { min: 190, median: 200, p99: 210 },
    cpuMs: 400,
    ratio: 0.5,
    cpuRatio: 0.5,
    bestRatio: 90 / 190,
  });
});

test('median and percentiles', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(percentile([5, 1, 9], 99)).toBe(9);
  expect(percentile([5, 1, 9], 1)).toBe(1);
  expect(() => median([])).toThrow(RangeError);
});

test('the mean of ratios is geometric: twice as fast and half as fast cancel out', () => {
  expect(geometricMean([2, 0.5])).toBeCloseTo(1);
});

test('rows that touch fresh memory have a line of their own', () => {
  expect(passLine('loops')).toBe(0.9);
  expect(passLine('gc')).toBe(0.85);
});
