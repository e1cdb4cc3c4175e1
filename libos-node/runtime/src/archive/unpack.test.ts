/** What an unpacked archive leaves on the disk; the contract suite has the cases that are refused. */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linkMode, tar, tarGz, zip } from '../../testing/archives.ts';
import { InitError } from '../errors.ts';
import { archiveLimits } from './limits.ts';
import { unpackArchive } from './unpack.ts';

let parent = '';
let folder = '';

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'unpack-'));
  folder = join(parent, 'code');
  mkdirSync(folder);
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

const files = [
  ['a.txt', 'a'],
  ['d/b.txt', 'b'.repeat(1000)],
  ['d/e/c.bin', Buffer.from([0, 1, 2, 255])],
] as const;

describe.each([
  ['zip', zip],
  ['tar.gz', tarGz],
] as const)('%s', (_, pack) => {
  it('is unpacked as it was packed', async () => {
    await unpackArchive(pack(files), folder);
    for (const [name, data] of files) expect(readFileSync(join(folder, name))).toEqual(Buffer.from(data));
    expect(readdirSync(folder, { recursive: true }).length).toBe(5);
  });

  it('writes nothing outside of the folder, whatever the names', async () => {
    for (const name of ['../x', 'a/../../x', `${parent}/x`, 'd/../../x', '..']) {
      await expect(unpackArchive(pack([...files, [name, 'x']]), folder)).rejects.toThrow(InitError);
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    }
    expect(readdirSync(parent)).toEqual(['code']);
  });

  it('damaged anywhere, is unpacked or refused, and touches nothing outside', { timeout: 60_000 }, async () => {
    const random = generator(1);
    const limits = { ...archiveLimits, unpackedBytes: 1024 * 1024 };
    const plain =
      pack === zip
        ? zip([...files, { name: 'l', data: 'd/e', mode: linkMode }])
        : tar([...files, { name: 'l', type: '2', linkName: 'd/e' }]);
    let refused = 0;
    for (let round = 0; round < 400; round += 1) {
      const bytes = Buffer.from(plain);
      for (let n = 0; n <= random(3); n += 1) bytes[4 + random(bytes.length - 4)] = random(256);
      const archive = pack === zip ? bytes : gzipSync(bytes);
      try {
        await unpackArchive(archive, folder, limits);
      } catch (error) {
        expect(error).toBeInstanceOf(InitError);
        refused += 1;
      }
      expect(readdirSync(parent)).toEqual(['code']);
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    }
    expect(refused).toBeGreaterThan(50);
  });
});

it('makes no link when one of them is bad', async () => {
  const archive = zip([
    ['a', 'a'],
    { name: 'good', data: 'a', mode: linkMode },
    { name: 'bad', data: '../..', mode: linkMode },
  ]);
  await expect(unpackArchive(archive, folder)).rejects.toThrow(/'bad' points out of the folder/);
  expect(readdirSync(folder)).toEqual(['a']);
});

it('keeps links of links, and dangling ones, that stay inside', async () => {
  const archive = zip([
    ['node_modules/.pnpm/x/index.js', 'x'],
    { name: 'node_modules/x', data: '.pnpm/x', mode: linkMode },
    { name: 'node_modules/.bin/x', data: '../x/index.js', mode: linkMode },
    { name: 'dangling', data: 'nowhere/at/all', mode: linkMode },
  ]);
  await unpackArchive(archive, folder);
  expect(readFileSync(join(folder, 'node_modules/.bin/x'), 'utf8')).toBe('x');
  expect(lstatSync(join(folder, 'dangling')).isSymbolicLink()).toBe(true);
  expect(existsSync(join(folder, 'dangling'))).toBe(false);
});

it('counts what it writes against the limits given', async () => {
  const limits = { ...archiveLimits, unpackedBytes: 1000, entries: 6 };
  await expect(unpackArchive(zip(files), folder, limits)).rejects.toThrow(/more than 1000 bytes/);
  const many = Array.from({ length: 7 }, (_, n) => [`f${n}`, ''] as const);
  await expect(unpackArchive(tarGz(many.slice(0, 1)), folder, limits)).rejects.toThrow(/more than 1000 bytes/);
  await expect(unpackArchive(zip(many), folder, { ...limits, unpackedBytes: 10 ** 6 })).rejects.toThrow(
    /more than 6 entries/,
  );
  await expect(unpackArchive(tarGz(many), folder, { ...limits, unpackedBytes: 10 ** 6 })).rejects.toThrow(
    /more than 6 entries/,
  );
});

/** Small numbers, always the same for a seed (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
