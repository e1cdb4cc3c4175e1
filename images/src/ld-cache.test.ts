import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareNames, writeLdCache } from './ld-cache.ts';

test('numbers in names compare as numbers', () => {
  expect(compareNames('liba.so.10', 'liba.so.9')).toBeGreaterThan(0);
  expect(compareNames('liba.so.1', 'liba.so.1')).toBe(0);
  expect(compareNames('libc.so', 'libc.so.6')).toBeLessThan(0);
  expect(compareNames('libc1', 'libcx')).toBeGreaterThan(0);
  expect(compareNames('libcx', 'libc1')).toBeLessThan(0);
});

test('ldconfig reads the cache', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-images-'));
  const path = join(folder, 'cache');
  const names = ['libc.so.6', 'libstdc++.so.6', 'libm.so.6', 'liba.so.10', 'liba.so.9'];
  writeFileSync(path, writeLdCache(names.map((name) => ({ name, path: `/lib/x86_64-linux-gnu/${name}` }))));
  const listing = execFileSync('/sbin/ldconfig', ['-p', '-C', path], { encoding: 'utf8' });
  const lines = listing.split('\n').filter((line) => line.includes('=>'));
  expect(lines.map((line) => line.trim())).toEqual(
    ['libstdc++.so.6', 'libm.so.6', 'libc.so.6', 'liba.so.10', 'liba.so.9'].map(
      (name) => `${name} (libc6,x86-64) => /lib/x86_64-linux-gnu/${name}`,
    ),
  );
  rmSync(folder, { recursive: true });
});
