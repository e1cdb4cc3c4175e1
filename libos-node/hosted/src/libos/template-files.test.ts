import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TemplateFiles } from './template-files.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'ebb-files-')), 'templates');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

function put(name: string, usedAt: number): void {
  writeFileSync(join(folder, name), name);
  utimesSync(join(folder, name), usedAt, usedAt);
}

test('the folder is private, also one that was there', () => {
  mkdirSync(folder, { mode: 0o755 });
  new TemplateFiles(folder).prepare('a.snapshot');
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test('what was not used for long makes room; what is asked for and what is no template stays', () => {
  const files = new TemplateFiles(folder);
  files.prepare('new.snapshot');
  for (let n = 0; n < 30; n++) put(`${n}.snapshot`, 1_000 + n);
  put('notes.txt', 1);
  put('new.snapshot', 1);
  files.touch('0.snapshot');
  files.prepare('new.snapshot');
  const left = readdirSync(folder);
  expect(left).toHaveLength(23 + 2);
  expect(left).toEqual(expect.arrayContaining(['0.snapshot', '29.snapshot', 'new.snapshot', 'notes.txt']));
  expect(files.has('1.snapshot')).toBe(false);
});

test('drafts of tenders that are no more go', () => {
  const files = new TemplateFiles(folder);
  files.prepare('a.snapshot');
  put(`a.snapshot.${process.pid}.tmp`, 1);
  put('a.snapshot.4194305.tmp', 1);
  files.prepare('a.snapshot');
  expect(readdirSync(folder)).toEqual([`a.snapshot.${process.pid}.tmp`]);
});
