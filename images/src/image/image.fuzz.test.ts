/** The hosted reader of images on damaged files, their checksums made right again: an image or IMAGE_BAD. */
import { createHash } from 'node:crypto';
import { caseCount, mutate, SeededRandom } from '@ebbwhisk/libos-node/fuzz/mutate';
import { expect, test } from 'vitest';
import * as abi from '../abi.ts';
import { ImageError } from '../errors.ts';
import { FsTree } from '../fs/tree.ts';
import { writeFs } from '../fs/write.ts';
import { decodeImage } from './read.ts';
import type { Segment } from './segments.ts';
import { encodeImage, hashSegment } from './write.ts';

function soundImage(): Buffer {
  const tree = new FsTree();
  tree.addFile('/a/b', 'text', 0o644, [{ offset: 0, form: 1 }]);
  tree.addLink('/l', 'a/b');
  const code = Buffer.from('code');
  const parts: readonly Segment[] = [
    { kind: abi.SEGMENT_KERNEL, vaddr: abi.KERNEL_BASE, memSize: 4096, prot: 5, bytes: code },
    { kind: abi.SEGMENT_FS, vaddr: abi.FS_BASE, memSize: 4096 * 8, prot: 1, bytes: writeFs(tree) },
  ];
  const segments = parts.map(hashSegment);
  const base = abi.KERNEL_BASE;
  const kernel = { entry: base, upcall: base + 1, syscallTrap: base + 2, textStart: base, textEnd: base + 4 };
  return Buffer.concat(encodeImage({ segments, kernel, manifest: '{}', options: ['a=b'] }).pieces);
}

/** As the writer computes them; what they would cover but does not exist is left out. */
function seal(image: Buffer): void {
  const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const part = (at: number): Buffer => {
    const offset = Number(image.readBigUInt64LE(at));
    const size = Number(image.readBigUInt64LE(at + 8));
    return offset + size <= image.length ? image.subarray(offset, offset + size) : Buffer.alloc(0);
  };
  const count = Math.min(image.readUInt32LE(12), abi.IMAGE_MAX_SEGMENTS);
  for (let index = 0; index < count; index += 1) {
    const at = 128 + index * abi.SEGMENT_SIZE;
    sha256(part(at + 16)).copy(image, at + 40);
  }
  image.fill(0, abi.HEADER_HASH_OFFSET, abi.HEADER_HASH_OFFSET + abi.HASH_SIZE);
  const header = Buffer.from(image.subarray(0, abi.HEADER_PAGE));
  sha256(header, part(64), part(80)).copy(image, abi.HEADER_HASH_OFFSET);
}

test('the sound image is read', () => {
  expect(decodeImage(soundImage()).files.map(({ path }) => path)).toEqual(['/', '/a', '/l', '/a/b']);
});

test('damaged images', { timeout: 600_000 }, () => {
  const sound = soundImage();
  const fsAt = sound.indexOf(abi.FS_MAGIC);
  let read = 0;
  const cases = caseCount(3000);
  for (let number = 0; number < cases; number += 1) {
    const random = new SeededRandom(number);
    const bytes = mutate(sound, random, () =>
      random.below(3) === 0 ? random.below(128 + 2 * abi.SEGMENT_SIZE) : fsAt + random.below(400),
    );
    if (bytes.length >= abi.HEADER_PAGE && random.below(8) !== 0) seal(bytes);
    try {
      decodeImage(bytes);
      read += 1;
    } catch (error) {
      expect(error, `case ${number}: ${(error as Error).stack}`).toBeInstanceOf(ImageError);
    }
  }
  expect(read).toBeGreaterThan(cases / 20);
  expect(read).toBeLessThan(cases);
});
