/** The summary of a test run: a line per suite, a line per skipped test, and the totals, always last. */
import type { Outcome, Skip } from './suite.ts';

export interface SuiteRun {
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
}

export interface Summary {
  readonly lines: readonly string[];
  /** 0 only when something passed and nothing failed. */
  readonly exitStatus: 0 | 1;
}

export function summarize(runs: readonly SuiteRun[]): Summary {
  const passed = sum(runs.map(({ outcome }) => outcome.passed));
  const failed = sum(runs.map(({ outcome }) => outcome.failed));
  const skipped = sum(runs.map(({ outcome }) => outcome.skips.length));
  const width = Math.max(0, ...runs.map(({ name }) => name.length));
  return {
    lines: [
      ...runs.map(
        ({ name, outcome, seconds }) =>
          `${name.padEnd(width)}  ${counted(outcome.passed, outcome.failed, outcome.skips.length)}  ${seconds.toFixed(1)} s`,
      ),
      ...runs.flatMap(({ name, outcome }) => skipLines(name, outcome.skips)),
      counted(passed, failed, skipped),
    ],
    exitStatus: passed > 0 && failed === 0 ? 0 : 1,
  };
}

/** One line per reason, with the number of tests that give it: a missing device skips whole files. */
function skipLines(suite: string, skips: readonly Skip[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { test, reason } of skips) {
    const text = reason?.replaceAll(/\s+/g, ' ').trim() || 'no reason given';
    byReason.set(text, [...(byReason.get(text) ?? []), test]);
  }
  return [...byReason].map(([reason, tests]) => {
    const others = tests.length > 1 ? ` and ${tests.length - 1} more` : '';
    return `skipped: ${suite}: ${tests[0]}${others}: ${reason}`;
  });
}

function counted(passed: number, failed: number, skipped: number): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
