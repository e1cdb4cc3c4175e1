import { expect, test } from 'vitest';
import { Popularity } from './popularity.ts';

test('the shares follow 1 / rank', () => {
  let at = 0;
  // Every part of [0, 1) equally often, instead of chance.
  const popularity = new Popularity(10, 1, () => {
    at += 1;
    return (at % 100_000) / 100_000;
  });
  const counts = Array.from({ length: 10 }, () => 0);
  for (let n = 0; n < 100_000; n += 1) {
    const rank = popularity.next();
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  const sum = counts.reduce((a, b) => a + b, 0);
  const harmonic = counts.reduce((total, _, rank) => total + 1 / (rank + 1), 0);
  counts.forEach((count, rank) => {
    expect(count / sum).toBeCloseTo(1 / (rank + 1) / harmonic, 2);
  });
});

test.each([
  [0, 0],
  [0.999999999, 2],
])('a draw of %s is rank %s of three', (draw, rank) => {
  expect(new Popularity(3, 1, () => draw).next()).toBe(rank);
});
