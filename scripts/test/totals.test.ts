import { expect, test } from 'vitest';
import { summarize } from './totals.ts';

const skip = (name: string, reason?: string) => ({ test: name, reason });

test('the totals are the last line, after the suites and the reasons of what was skipped', () => {
  const { lines, exitStatus } = summarize([
    {
      name: 'ctest',
      seconds: 1.26,
      outcome: { passed: 2, failed: 0, skips: [skip('a', 'no\n KVM'), skip('b', 'no KVM')] },
    },
    { name: 'vitest', seconds: 30, outcome: { passed: 40, failed: 0, skips: [skip('c')] } },
  ]);
  expect(lines).toEqual([
    'ctest   2 passed, 0 failed, 2 skipped  1.3 s',
    'vitest  40 passed, 0 failed, 1 skipped  30.0 s',
    'skipped: ctest: a and 1 more: no KVM',
    'skipped: vitest: c: no reason given',
    '42 passed, 0 failed, 3 skipped',
  ]);
  expect(exitStatus).toBe(0);
});

test('a failed test, or no test at all, fails the run', () => {
  const outcome = { passed: 5, failed: 1, skips: [] };
  expect(summarize([{ name: 'a', seconds: 0, outcome }]).exitStatus).toBe(1);
  expect(summarize([{ name: 'a', seconds: 0, outcome: { passed: 0, failed: 0, skips: [skip('b')] } }]).exitStatus).toBe(
    1,
  );
  expect(summarize([])).toEqual({ lines: ['0 passed, 0 failed, 0 skipped'], exitStatus: 1 });
});
