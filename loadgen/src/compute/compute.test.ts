/** The program itself: rows in plain Node and in VMs give the same results, and the report says how fast. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { forTargets } from '../../../test/support/for-targets.ts';
import { libosTenders } from '../../../test/support/libos-targets.ts';
import { rowNames } from './rows.ts';

const bench = fileURLToPath(new URL('../bench.ts', import.meta.url));

async function compute(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [bench, 'compute', ...args]);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

forTargets(libosTenders, ({ name, tender }) => {
  test(`every row has the checksum of plain Node: ${name}`, { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await compute('--tender', tender, '--rounds', '1', '--warm-ups', '0', '--json');
    expect(stderr).not.toMatch(/error/);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[^\n]+\n$/);
    const report = JSON.parse(stdout);
    expect(report.rows.map(({ row }: { row: string }) => row)).toEqual(rowNames);
    for (const { host, vm } of report.rows) {
      expect(host).toMatchObject({ n: 1, ratio: 1 });
      expect(vm[tender].ratio).toBeCloseTo(host.ms.median / vm[tender].ms.median);
    }
    expect(report.geometricMean[tender]).toBeGreaterThan(0.3);
  });
});

describe('the command line', () => {
  test.each([['--rows', 'loops,juggling'], ['--tender', 'docker'], ['--rounds', '0'], ['--colour']])(
    '%s %s is a mistake',
    async (...args) => {
      const { code, stdout, stderr } = await compute(...args.filter((each) => each !== undefined));
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: /);
    },
  );

  test('--help tells the rows', async () => {
    const { code, stdout } = await compute('--help');
    expect(code).toBe(0);
    expect(stdout).toContain(rowNames.join(','));
  });
});
