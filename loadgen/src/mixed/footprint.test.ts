import { expect, test } from 'vitest';
import { type Footprint, growth, takeFootprint } from './footprint.ts';

function samples(count: number, of: (at: number) => Partial<Footprint>): Footprint[] {
  return Array.from({ length: count }, (_, at) => ({
    seconds: at,
    stackMb: 100,
    vmsMb: 500,
    availableMb: 1000,
    processes: 30,
    files: 300,
    invocations: at,
    errors: 0,
    ...of(at),
  }));
}

const grown = (all: readonly Footprint[]) => growth(all).flatMap(({ what, grew }) => (grew ? [what] : []));

test('a constant footprint is flat', () => {
  expect(grown(samples(40, () => ({})))).toEqual([]);
});

test('a warm-up in the first quarter is no growth', () => {
  expect(grown(samples(40, (at) => ({ stackMb: at < 10 ? 10 * at : 100 })))).toEqual([]);
});

test('noise is no growth', () => {
  expect(grown(samples(40, (at) => ({ vmsMb: 500 + (at % 2) * 200, files: 300 + (at % 3) * 20 })))).toEqual([]);
});

test('what grows steadily is named', () => {
  const leaking = samples(40, (at) => ({ stackMb: 100 + 3 * at, files: 300 + 5 * at, processes: 30 + at }));
  expect(grown(leaking)).toEqual(['stackMb', 'processes', 'files']);
});

test('too few samples say nothing', () => {
  expect(growth(samples(7, () => ({})))).toEqual([]);
});

test('the footprint of this process', async () => {
  const taken = await takeFootprint(process.pid);
  expect(taken.processes).toBeGreaterThanOrEqual(1);
  expect(taken.files).toBeGreaterThan(2);
  expect(taken.stackMb).toBeGreaterThan(10);
  expect(taken.availableMb).toBeGreaterThan(10);
});
