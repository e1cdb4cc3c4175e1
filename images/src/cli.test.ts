import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'cli.ts'), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('--help tells the options', () => {
  const { status, stdout } = run('--help');
  expect(status).toBe(0);
  for (const option of ['--kind', '--profile', '--out', '--ebb', '--if-stale', '--inspect'])
    expect(stdout).toContain(option);
});

test.each([
  [['--kind', 'nodejs:1']],
  [['--profile', 'fast']],
  [['--ebb', 'Console']],
  [['--nope']],
  [['more']],
  [['--kind']],
])('bad arguments %j: a line, status 2', (args) => {
  const { status, stdout, stderr } = run(...args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^error: .+\n/);
});

test('a file that is no image: status 1', () => {
  const { status, stderr } = run('--inspect', join(import.meta.dirname, 'cli.ts'));
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: IMAGE_BAD: /);
  expect(run('--inspect', '/none').status).toBe(1);
});
