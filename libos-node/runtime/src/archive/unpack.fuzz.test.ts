/**
 * Archives that were right and are damaged, checksums made right again where that leads deeper: each is unpacked or refused
 * with a reason, within its limits, and nothing outside of the folder is made, changed or reachable.
 */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { caseCount, mutate, SeededRandom } from '../../../fuzz/support/mutate.ts';
import { linkMode, pax, tar, zip } from '../../testing/archives.ts';
import { InitError } from '../errors.ts';
import { archiveLimits } from './limits.ts';
import { unpackArchive } from './unpack.ts';

const limits = { ...archiveLimits, unpackedBytes: 64 * 1024, entries: 40 };

const zipEntries = [
  { name: 'a.txt', data: 'a' },
  { name: 'd/b.txt', data: 'b'.repeat(300) },
  { name: 'd/', data: '' },
  { name: 'd/stored', data: 'content', stored: true },
  { name: 'l', data: 'd/b.txt', mode: linkMode },
  { name: 'd/up', data: '../a.txt', mode: linkMode },
];
const tarEntries = [
  { name: 'a.txt', data: 'a' },
  { name: 'h', type: 'x', data: pax({ path: 'd/long name', size: '3' }) },
  { name: 'ignored', data: 'abc' },
  { name: 'n', type: 'L', data: `d/${'n'.repeat(120)}\0` },
  { name: 'cut', data: 'long' },
  { name: 'd/', type: '5' },
  { name: 'l', type: '2', linkName: 'd/long name' },
  { name: 'copy', type: '1', linkName: 'a.txt' },
  { name: 'g', type: 'g', data: pax({ linkpath: 'a.txt' }) },
  { name: 'm', type: '2', linkName: 'x' },
];

let parent = '';
let folder = '';
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'unpack-fuzz-'));
  folder = join(parent, 'code');
  writeFileSync(join(parent, 'outside'), 'untouched');
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** Every header's checksum, as far as the blocks can be followed. */
function sealTar(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    bytes.fill(0x20, at + 148, at + 156);
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
}

async function tryArchive(archive: Buffer, name: string): Promise<boolean> {
  mkdirSync(folder);
  let taken = true;
  try {
    await unpackArchive(archive, folder, limits);
  } catch (error) {
    expect(error, name).toBeInstanceOf(InitError);
    taken = false;
  }
  expect(readdirSync(parent).sort(), name).toEqual(['code', 'outside']);
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) bytes += lstatSync(path).size;
    if (!entry.isSymbolicLink()) continue;
    expect(readlinkSync(path).startsWith('/'), name).toBe(false);
    try {
      expect(realpathSync(path).startsWith(folder), name).toBe(true);
    } catch (error) {
      // It leads nowhere, or is too long a way.
      expect(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'], name).toContain((error as NodeJS.ErrnoException).code);
    }
  }
  expect(bytes, name).toBeLessThanOrEqual(limits.unpackedBytes);
  rmSync(folder, { recursive: true });
  return taken;
}

test.each([
  ['zip', () => zip(zipEntries), (bytes: Buffer) => bytes],
  ['zip64', () => zip(zipEntries, true), (bytes: Buffer) => bytes],
  ['tar', () => tar(tarEntries), (bytes: Buffer) => gzipSync(bytes, { level: 1 })],
] as const)('damaged %s archives', { timeout: 1_200_000 }, async (kind, make, pack) => {
  const sound = make();
  let taken = 0;
  const cases = caseCount(400);
  for (let number = 0; number < cases; number += 1) {
    const random = new SeededRandom(number);
    // The magic stays, or nothing is tried; of a zip mostly the directory is changed, which is at its end.
    const bytes = mutate(sound, random, (size) =>
      kind === 'tar' || random.below(2) === 0 ? 4 + random.below(size) : Math.max(4, size - 1 - random.below(700)),
    );
    if (kind === 'tar' && random.below(4) !== 0) sealTar(bytes);
    if (await tryArchive(pack(bytes), `${kind} case ${number}`)) taken += 1;
  }
  // Both ways were gone.
  expect(taken).toBeGreaterThan(cases / 100);
  expect(taken).toBeLessThan(cases);
});
