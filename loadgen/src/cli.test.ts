/** The program itself, with plain Node as the target: what it prints, where, and what it leaves behind. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { duration } from './html/format.ts';
import { readSaved } from './saved/read.ts';
import { elementsOf } from './testing/well-formed.ts';

const cli = fileURLToPath(new URL('cli.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function loadgen(
  line: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [cli, ...line.split(' ')], { env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe.each(['vm', 'api'] as const)('via %s', (via) => {
  test.each([
    ['cold', 3],
    ['hot', 50],
  ] as const)(
    '%s gives one line of JSON',
    async (mode, count) => {
      const { code, stdout, stderr } = await loadgen(
        `--mode ${mode} --via ${via} --target process --count ${count} --concurrency 2 --json`,
      );
      expect(stderr).not.toMatch(/error:/);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^[^\n]+\n$/);
      const report = JSON.parse(stdout);
      const none = { cold: 0, warm: 0, hot: 0 };
      expect(report).toEqual({
        mode,
        via,
        target: 'process',
        tender: null,
        pool: 0,
        count,
        errors: 0,
        starts: { ...none, [mode]: count },
        latencyMs: {
          p50: expect.any(Number),
          p90: expect.any(Number),
          p99: expect.any(Number),
          max: expect.any(Number),
        },
        perSecond: expect.any(Number),
      });
      expect(Object.keys(report).join()).toBe('mode,via,target,tender,pool,count,errors,starts,latencyMs,perSecond');
      const { p50, p90, p99, max } = report.latencyMs;
      expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].sort((a, b) => a - b));
      expect(p50).toBeGreaterThan(0);
    },
    60_000,
  );
});

test('the mixed load checks every answer', async () => {
  const { code, stdout, stderr } = await loadgen(
    '--mode mixed --target process --count 60 --actions 18 --concurrency 4 --cpu 100 --json',
  );
  expect(stderr).not.toMatch(/error:/);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ mode: 'mixed', count: 60, errors: 0 });
  expect(stderr).toMatch(/^cpu .*%/m);
  expect(stderr).toMatch(/^actions .*hello \d+/m);
}, 60_000);

const [bursts, density, out] = ['burst.json', 'density.json', 'page.html'].map((name) => join(folder, name));

test('bursts are told and saved', async () => {
  const line = '--mode burst --target process --burst-size 4 --burst-every 1 --duration 2 --background 40';
  const burst = await loadgen(`${line} --json --save ${bursts}`);
  expect(burst.stderr).not.toMatch(/error:/);
  expect(burst.stderr).toMatch(/burst 2, 4 in .* 0 errors\n/);
  const told = JSON.parse(burst.stdout);
  expect(told).toMatchObject({ mode: 'burst', count: 8, errors: 0, background: { count: 80, errors: 0 } });
  const { inside, outside, verdict } = told.background;
  expect(inside.count + outside.count).toBe(80);
  expect(inside.count).toBeGreaterThan(0);
  expect(burst.code).toBe(verdict === 'BROKEN' ? 1 : 0);
  expect(told.bursts.map(({ number, count }: { number: number; count: number }) => [number, count])).toEqual([
    [1, 4],
    [2, 4],
  ]);
}, 60_000);

test('density is told and saved', async () => {
  const live = await loadgen(
    `--mode density --via vm --target process --density live --count 2 --label a<b --save ${density}`,
  );
  expect(live).toMatchObject({ code: 0, stdout: expect.stringMatching(/^live +2 functions, ended by their number$/m) });
}, 60_000);

test('what was saved is drawn', async () => {
  expect(await loadgen(`report ${bursts} ${density} --out ${out}`)).toMatchObject({ code: 0, stdout: `${out}\n` });
  const text = readFileSync(out ?? '', 'utf8');
  // Two distributions in one chart, a density curve, a timeline for each run.
  expect(elementsOf(text).filter(({ name }) => name === 'svg')).toHaveLength(4);
  const runs = [await readSaved(bursts ?? ''), await readSaved(density ?? '')];
  for (const { series } of runs) {
    for (const { count, errors, latencyMs } of series) {
      if (count > errors) expect(text).toContain(`<td>${count}</td><td>0</td><td>${duration(latencyMs.p50)}</td>`);
    }
  }
  expect(text).toContain('a&lt;b');
}, 60_000);

test('no container engine, no readable result: one line and exit status 1', async () => {
  const docker = await loadgen('--target docker --via vm --mode cold', { ...process.env, PATH: folder });
  expect(docker).toMatchObject({
    code: 1,
    stdout: '',
    stderr:
      'error: There is no container engine that works. docker: not on the PATH; podman: not on the PATH; nerdctl: not on the PATH\n',
  });
  const missing = await loadgen('report /does/not/exist');
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: .*\/does\/not\/exist.*\n$/) });
  expect(await loadgen('report --help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--out <file>') });
  expect(await loadgen('report --nonsense')).toMatchObject({ code: 2, stdout: '' });
}, 60_000);

test('a pool of VMs booted ahead', async () => {
  const { code, stdout } = await loadgen('--mode cold --via vm --target process --count 3 --pool 2 --json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ pool: 2, errors: 0, starts: { cold: 3 } });
}, 60_000);

test('without --json a table; help; mistakes', async () => {
  const measured = await loadgen('--mode hot --via vm --target process --count 5');
  expect(measured.stdout).toMatch(/invocations {2}5, 1 at a time, 0 errors\n/);
  const help = await loadgen('--help');
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('--concurrency') });
  const mistake = await loadgen('--mode warm --target process');
  expect(mistake).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('needs --target libos') });
  const unreachable = await loadgen('--apihost http://127.0.0.1:1 --count 1 --json');
  expect(unreachable).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('could not be set up') });
}, 60_000);

test('a signal ends it, with all that it started', async () => {
  const line = '--mode hot --via vm --target process --count 10000000';
  const child = execFile(process.execPath, [cli, ...line.split(' ')]);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const deadline = Date.now() + 20_000;
  let started: number[] = [];
  while (started.length === 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    started = childrenOf(child.pid ?? 0);
  }
  expect(started.length).toBeGreaterThan(0);
  child.kill('SIGTERM');
  expect(await exited).toBe(1);
  for (const pid of started) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
}, 60_000);

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        // The command name, in brackets, may hold anything; the parent is the second field behind it.
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}
