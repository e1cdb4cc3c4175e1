import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Elf } from './elf/elf.ts';
import { makeElf } from './elf/elf-maker.ts';
import { glibcVersion, librariesOf, standardFolders } from './libraries.ts';

const text = { vaddr: 0x400000, flags: 5, bytes: Buffer.from('abcd') };
let folder: string;
let folders: string[];

function put(place: string, name: string, needed: readonly string[]): void {
  writeFileSync(join(folder, place, name), makeElf({ type: 3, segments: [text], needed }));
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-images-'));
  folders = ['first', 'second'].map((name) => join(folder, name));
  for (const path of folders) mkdirSync(path);
  put('second', 'liba.so.1', ['libb.so.1', 'libc.so.6']);
  put('second', 'libb.so.1', ['liba.so.1']);
  put('first', 'libc.so.6', []);
  put('second', 'libc.so.6', ['never-looked-at']);
  put('second', 'libextra.so', []);
  // A library for another machine in an earlier folder.
  const other = makeElf({ type: 3, segments: [text] });
  other.writeUInt16LE(3, 18);
  writeFileSync(join(folder, 'first/liba.so.1'), other);
});

afterAll(() => rmSync(folder, { recursive: true }));

function program(...needed: string[]): Elf {
  return new Elf(makeElf({ segments: [text], needed }), 'program');
}

test('follows what is needed, once each, in the order of folders', () => {
  const libraries = librariesOf(program('liba.so.1'), ['libextra.so', 'libnowhere.so'], folders);
  expect(libraries.map(({ path }) => path.slice(folder.length))).toEqual([
    '/second/liba.so.1',
    '/second/libb.so.1',
    '/first/libc.so.6',
    '/second/libextra.so',
  ]);
});

test('names what is missing, and who needs it', () => {
  expect(() => librariesOf(program('libnone.so.3'), [], folders)).toThrow(/libnone\.so\.3, needed by program/);
  expect(() => librariesOf(program('../evil.so'), [], folders)).toThrow(/by path/);
});

test('knows the version of the machine libc', () => {
  const libc = librariesOf(program('libc.so.6'), [], standardFolders).find(({ name }) => name === 'libc.so.6');
  if (libc === undefined) throw new Error('no libc');
  expect(glibcVersion(libc.elf)).toMatch(/^2\.\d+/);
  expect(() => glibcVersion(program('libc.so.6'))).toThrow(/not the GNU C library/);
});
