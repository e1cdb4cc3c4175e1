import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CrashReport, maxBytes, maxReports, readReports, splitCrash, writeReport } from './crash-report.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'ebbwhisk-reports-')), 'reports');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

function report(more: Partial<CrashReport> = {}): CrashReport {
  return {
    version: 1,
    time: '2026-01-02T03:04:05.678Z',
    vm: 'libos-1',
    culprit: 'tender',
    kind: 'nodejs:24',
    profile: 'bypass',
    tender: { kind: 'kvm', pid: 42, path: '/x/ebbtender' },
    image: { path: '/x/image', sha256: null },
    uptimeMs: 7,
    ready: true,
    exit: { reason: 'tender' },
    status: null,
    signal: 'SIGSEGV',
    crash: null,
    ...more,
  };
}

test('is the owner’s alone, and reads as it was written', async () => {
  const file = await writeReport(folder, report());
  expect(file).toBe(join(folder, '2026-01-02T03-04-05.678Z-tender-libos-1-42.json'));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(file ?? '').mode & 0o777).toBe(0o600);
  expect(await readReports(folder)).toEqual([{ ...report(), file }]);
});

test('stays bounded in number, of each culprit apart, and in size', async () => {
  await writeReport(folder, report());
  for (let n = 0; n < maxReports + 5; n++) {
    const time = `2026-02-02T03:04:05.${String(n).padStart(3, '0')}Z`;
    await writeReport(folder, report({ culprit: 'guest', time }));
  }
  const reports = await readReports(folder);
  expect(reports).toHaveLength(maxReports + 1);
  expect(reports[0]?.culprit).toBe('tender');
  expect(reports[1]?.time).toBe('2026-02-02T03:04:05.005Z');
  await writeReport(folder, report({ exit: { reason: 'fault', detail: 'é'.repeat(100_000) }, vm: 'long' }));
  await writeReport(folder, report({ crash: { text: 'x'.repeat(100_000) }, vm: 'longer' }));
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(maxBytes);
  expect(await readReports(folder)).toHaveLength(maxReports + 3);
});

test('what is no report is left out, and a folder that cannot be made costs nobody anything', async () => {
  await writeReport(folder, report());
  for (const [name, text] of [
    ['notes.txt', 'mine'],
    ['2026-01-02T03-04-05.679Z-tender-x-1.json', '{"version":1'],
    ['2026-01-02T03-04-05.679Z-guest-x-1.json', '[]'],
    ['2026-01-02T03-04-05.679Z-guest-y-1.json', ' '.repeat(maxBytes + 1)],
  ] as const) {
    writeFileSync(join(folder, name), text);
  }
  mkdirSync(join(folder, '2026-01-02T03-04-05.679Z-guest-z-1.json'));
  expect(await readReports(folder)).toHaveLength(1);
  expect(await readReports('/nonexistent')).toEqual([]);
  expect(await writeReport('/dev/null/x', report())).toBeUndefined();
});

test('the dump is taken out of the last words of a tender', () => {
  expect(splitCrash('before\nebbtender crash {"signal":"SIGBUS"}\nafter')).toEqual({
    crash: { signal: 'SIGBUS' },
    rest: 'before\nafter',
  });
  for (const text of ['', 'x', 'ebbtender crash {"signal":', 'ebbtender crash []']) {
    expect(splitCrash(text)).toEqual({ crash: null, rest: text });
  }
});
