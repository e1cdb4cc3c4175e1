import { expect, test } from 'vitest';
import { bucketOf, msOf, Recording } from './recording.ts';

test.each([0.0123, 0.2, 3.456, 78.9, 61_234])('a bucket is within half a percent of %s ms', (ms) => {
  expect(Math.abs(msOf(bucketOf(ms)) / ms - 1)).toBeLessThan(0.0051);
});

test('the histogram counts all, and points keep order and outliers in bounded room', () => {
  const recording = new Recording();
  const n = 100_000;
  for (let at = 0; at < n; at += 1) recording.add(at / 1000, at === 54_321 ? 9_999 : 1 + (at % 7));
  const { histogram, points } = recording.recorded();
  expect(histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(n);
  expect(histogram.map(([bucket]) => bucket)).toEqual(histogram.map(([bucket]) => bucket).sort((a, b) => a - b));
  expect(points.length).toBeGreaterThan(1_000);
  expect(points.length).toBeLessThanOrEqual(4_001);
  expect(points).toContainEqual([54.321, 9_999]);
  const times = points.map(([seconds]) => seconds);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('few points are all kept', () => {
  const recording = new Recording();
  for (const ms of [3, 1, 2]) recording.add(ms, ms);
  expect(recording.recorded().points).toEqual([
    [3, 3],
    [1, 1],
    [2, 2],
  ]);
});
