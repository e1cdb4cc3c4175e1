import { expect, test } from 'vitest';
import { compare, type Variant } from './comparison.ts';

const signal = new AbortController().signal;

test('variants take turns; ratios are to the first; what is broken does not stop the rest', async () => {
  const order: string[] = [];
  const closed: string[] = [];
  const variant = (name: string, sample: (n: number) => Promise<number>): Variant => ({
    name,
    open: async () => ({
      sample: (n) => {
        order.push(name);
        return sample(n);
      },
      close: async () => void closed.push(name),
    }),
  });
  const rows = await compare(
    [
      variant('base', () => Promise.resolve(2)),
      variant('slow', () => Promise.resolve(6)),
      variant('broken', () => Promise.reject(new Error('why'))),
      { name: 'absent', open: () => Promise.reject(new Error('no image')) },
    ],
    { rounds: 2, perRound: 4, signal },
  );
  expect(order.join(' ')).toBe(
    'base base base base slow slow slow slow broken broken broken base base base base slow slow slow slow broken broken broken',
  );
  expect(rows).toMatchObject([
    { name: 'base', n: 8, errors: 0, ratio: 1 },
    { name: 'slow', n: 8, errors: 0, ratio: 3 },
    { name: 'broken', n: 0, errors: 6, problem: 'why' },
    { name: 'absent', n: 0, errors: 0, problem: 'no image' },
  ]);
  expect(closed.sort()).toEqual(['base', 'broken', 'slow']);
});
