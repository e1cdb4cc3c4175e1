/** The table of starts is of real VMs: what it says they cost is what such starts cost. */
import { describe, expect, test } from 'vitest';
import { forTargets } from '../../../test/support/for-targets.ts';
import { libosTenders } from '../../../test/support/libos-targets.ts';
import { bundle, bundleText } from './bundle.ts';
import { costTable, measureCosts } from './measure.ts';
import type { Start } from './starts.ts';
import { costTables } from './tables.ts';

const { signal } = new AbortController();

forTargets(libosTenders, ({ name, tender }) => {
  test(`cold, warm and hot starts cost what they cost: ${name}`, { timeout: 60_000 }, async () => {
    const options = { kind: 'nodejs:24', memoryMb: 256, bundle: false, count: 5, signal };
    const [table] = await costTables({ tenders: [tender], ...options });
    expect(table?.rows.map((row) => [row.name, row.n, row.errors])).toEqual([
      ['cold', 5, 0],
      ['warm', 5, 0],
      ['hot', 100, 0],
    ]);
    const [cold, warm, hot] = table?.rows ?? [];
    for (const row of [cold, warm]) {
      expect(row?.latencyMs.p50).toBeGreaterThan(0.5);
      expect(row?.cost.faults).toBeGreaterThan(100);
      expect(row?.cost.faults).toBeLessThan(5_000);
      expect(row?.cost.exits).toBeGreaterThan(0);
      // Redirected system calls trap nowhere.
      expect(row?.cost.traps).toBeLessThan(10);
    }
    expect(hot?.latencyMs.p50).toBeLessThan(cold?.latencyMs.p50 ?? 0);
    expect(hot?.cost.faults).toBeLessThan(20);
    // The kernel does not tell everybody.
    if (cold?.cost.pages === null) return;
    expect(cold?.cost.pages).toBeGreaterThan(100);
    expect(cold?.cost.pages).toBeLessThan(2_500);
    expect(warm?.cost.pages).toBeGreaterThan(100);
    expect(warm?.cost.pages).toBeLessThan(2_500);
    expect(hot?.cost.pages).toBeLessThan(20);
  });
});

describe('rows', () => {
  const start = (name: string, sample: Start['sample']): Start => ({ name, sample, close: async () => {} });
  const cost = { faults: 4, pages: Number.NaN, exits: 2, traps: 0 };

  test('have medians, dashes for what is not known, and the first error of what fails', async () => {
    const turns: string[] = [];
    const rows = await measureCosts(
      [
        start('odd', async (n) => {
          turns.push(`odd ${n}`);
          return { ms: [n + 1, n + 1], cost: { ...cost, faults: n * n } };
        }),
        start('broken', async (n) => {
          turns.push(`broken ${n}`);
          throw new Error(`why ${n}`);
        }),
      ],
      5,
      signal,
    );
    expect(turns.slice(0, 3)).toEqual(['odd 0', 'broken 0', 'odd 1']);
    expect(turns.at(-1)).toBe('odd 4');
    expect(turns).not.toContain('broken 3');
    expect(rows).toMatchObject([
      { name: 'odd', n: 10, errors: 0, cost: { faults: 4, pages: null, exits: 2, traps: 0 } },
      { name: 'broken', n: 0, errors: 3, problem: 'why 0', cost: { faults: null } },
    ]);
    expect(costTable(rows).split('\n')[1]).toMatch(/^odd +10 +3\.\d+ ms +5\.\d+ ms +4 +- +2 +0 +0$/);
  });
});

describe('the bundle', () => {
  const text = bundleText(200_000);

  test('is the same each time, of the length asked for, and no text repeated', () => {
    expect(bundleText(200_000)).toBe(text);
    expect(bundleText(200_000, 2)).not.toBe(text);
    expect(text.length).toBeGreaterThan(200_000);
    expect(text.length).toBeLessThan(210_000);
    const lines = text.split('\n').filter((line) => line.length > 60);
    expect(new Set(lines).size).toBeGreaterThan(lines.length * 0.95);
  });

  test('runs, with a part of its modules loaded, and its answers are checked', () => {
    const main = new Function(`${text}; return main;`)() as (argument: { n: number }) => {
      sum: number;
      loaded: number;
    };
    const first = main({ n: 0 });
    expect(first.loaded).toBeLessThan(text.match(/^\/\*{3}\//gm)?.length ?? 0);
    const measured = bundle(text);
    expect(measured.check(0, first)).toBeUndefined();
    expect(measured.check(2, main(measured.argumentsOf(2)))).toBeUndefined();
    expect(measured.check(2, { ...first, sum: first.sum + 1 })).toMatch(/^wrong result/);
    expect(measured.check(1, first)).toMatch(/^wrong result/);
  });
});
