import { expect, test } from 'vitest';
import { measure } from './runner.ts';
import { Samples } from './samples.ts';

const signal = new AbortController().signal;

test('counts, starts, errors and latencies of a run', async () => {
  const result = await measure({ count: 100, concurrency: 4, signal }, (n) =>
    n % 10 === 0
      ? Promise.reject(new Error(`failure ${n}`))
      : Promise.resolve({ ms: n, start: n < 50 ? ('cold' as const) : ('hot' as const) }),
  );
  expect(result).toMatchObject({ count: 100, errors: 10, starts: { cold: 45, warm: 0, hot: 45 } });
  expect(result.errorTexts).toEqual(['failure 0', 'failure 10', 'failure 20', 'failure 30', 'failure 40']);
  expect(result.latencyMs.p50).toBeCloseTo(50, -1);
  expect(result.latencyMs.max).toBeCloseTo(99, 0);
  expect(result.perSecond).toBeGreaterThan(0);
});

test('never more at a time than asked for', async () => {
  let active = 0;
  let most = 0;
  await measure({ count: 50, concurrency: 3, signal }, async () => {
    active += 1;
    most = Math.max(most, active);
    await new Promise((resolve) => setTimeout(resolve, 1));
    active -= 1;
    return { ms: 1, start: 'hot' };
  });
  expect(most).toBe(3);
});

test('ends when aborted', async () => {
  const controller = new AbortController();
  let done = 0;
  const running = measure({ count: 1000, concurrency: 1, signal: controller.signal }, async () => {
    done += 1;
    if (done === 5) controller.abort(new Error('enough'));
    return { ms: 1, start: 'hot' };
  });
  await expect(running).rejects.toThrow('enough');
  expect(done).toBe(5);
});

test('samples keep digits from microseconds to minutes', () => {
  for (const ms of [0.0123, 0.2, 3.456, 78.9, 61_234]) {
    const samples = new Samples();
    samples.add(ms);
    const { p50, max } = samples.latencies();
    expect(Math.abs(p50 - ms) / ms).toBeLessThan(0.002);
    expect(Math.abs(max - ms) / ms).toBeLessThan(0.002);
  }
  expect(new Samples().latencies()).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 });
});
