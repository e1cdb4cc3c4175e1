import { expect, test } from 'vitest';
import { createRandom } from './random.ts';

const draws = 200_000;

test('numbers are spread evenly, and do not depend on the ones before', () => {
  const { random } = createRandom();
  const cells = new Float64Array(16 * 16);
  let last = random();
  let sum = 0;
  for (let n = 0; n < draws; n++) {
    const next = random();
    expect(next >= 0 && next < 1).toBe(true);
    const cell = Math.floor(last * 16) * 16 + Math.floor(next * 16);
    cells[cell] = (cells[cell] ?? 0) + 1;
    sum += next;
    last = next;
  }
  expect(Math.abs(sum / draws - 0.5)).toBeLessThan(0.005);
  // Chi square with 255 degrees of freedom: beyond 400 once in 10 million runs.
  const expected = draws / cells.length;
  expect(cells.reduce((total, count) => total + (count - expected) ** 2 / expected, 0)).toBeLessThan(400);
});

test('all 53 bits are in use', () => {
  const { random } = createRandom();
  const words = new Uint32Array(2);
  for (let n = 0; n < 1_000; n++) {
    const whole = random() * 2 ** 53;
    words[0] = (words[0] ?? 0) | (whole / 2 ** 27);
    words[1] = (words[1] ?? 0) | (whole % 2 ** 27);
  }
  expect([...words]).toEqual([2 ** 26 - 1, 2 ** 27 - 1]);
});

test('a new seed forgets what was drawn ahead', () => {
  const { random, reseed } = createRandom();
  const seen = new Set<number>();
  for (let n = 0; n < 1_000; n++) {
    reseed();
    seen.add(random());
  }
  expect(seen.size).toBe(1_000);
});
