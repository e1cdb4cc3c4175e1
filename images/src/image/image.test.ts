import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as abi from '../abi.ts';
import { Elf } from '../elf/elf.ts';
import { makeElf } from '../elf/elf-maker.ts';
import { ImageError } from '../errors.ts';
import { decodeImage } from './read.ts';
import { checkLayout, type Segment, segmentsOf } from './segments.ts';
import { encodeImage, hashSegment, writeAtomically } from './write.ts';

const kernel = {
  entry: abi.KERNEL_BASE,
  upcall: abi.KERNEL_BASE + 1,
  syscallTrap: abi.KERNEL_BASE + 2,
  textStart: abi.KERNEL_BASE,
  textEnd: abi.KERNEL_BASE + 9,
};

function segment(changes: Partial<Segment> = {}): Segment {
  return {
    kind: abi.SEGMENT_KERNEL,
    vaddr: abi.KERNEL_BASE,
    memSize: 8192,
    prot: 5,
    bytes: Buffer.from('code'),
    ...changes,
  };
}

function encoded(): Buffer {
  const segments = [
    segment(),
    segment({ kind: abi.SEGMENT_EXE, vaddr: abi.EXE_BASE, bytes: Buffer.alloc(5000, 9) }),
  ].map(hashSegment);
  return Buffer.concat(
    encodeImage({ segments, kernel, manifest: '{"a":1}', options: ['profile=bypass', 'ebb.Console=ring'] }).pieces,
  );
}

test('what is written is read again', () => {
  const bytes = encoded();
  const image = decodeImage(bytes);
  expect(image).toMatchObject({
    size: bytes.length,
    kernel,
    manifest: '{"a":1}',
    options: ['profile=bypass', 'ebb.Console=ring'],
  });
  expect(image.segments.map(({ kind, vaddr, memSize, prot }) => [kind, vaddr, memSize, prot])).toEqual([
    [1, abi.KERNEL_BASE, 8192, 5],
    [2, abi.EXE_BASE, 8192, 5],
  ]);
  expect(Buffer.from(image.segments[0]?.bytes ?? '').toString()).toBe('code');
  expect(bytes.length % abi.PAGE_SIZE).toBe(0);
});

test('segments lie at pages of the file', () => {
  const bytes = encoded();
  for (const index of [0, 1]) expect(Number(bytes.readBigUInt64LE(128 + 72 * index + 16)) % 4096).toBe(0);
});

test('a large segment lies in the file as in memory, modulo the size of a large page', () => {
  const vaddr = abi.EXE_BASE + 0x5000;
  const segments = [
    segment(),
    segment({ kind: abi.SEGMENT_EXE, vaddr, memSize: 0x300000, bytes: Buffer.alloc(0x2ff000, 7) }),
  ];
  const { pieces } = encodeImage({ segments: segments.map(hashSegment), kernel, manifest: '{}', options: [] });
  const bytes = Buffer.concat(pieces);
  expect(Number(bytes.readBigUInt64LE(128 + 72 + 16)) % 0x200000).toBe(vaddr % 0x200000);
  expect(Buffer.from(decodeImage(bytes).segments[1]?.bytes ?? '').equals(Buffer.alloc(0x2ff000, 7))).toBe(true);
});

test('every byte that means something is covered by a hash', () => {
  const bytes = encoded();
  const ends = [0, 1].map((index) => {
    const at = 128 + 72 * index;
    return [Number(bytes.readBigUInt64LE(at + 16)), Number(bytes.readBigUInt64LE(at + 24))] as const;
  });
  const manifestAt = Number(bytes.readBigUInt64LE(64));
  for (const at of [
    0,
    30,
    100,
    200,
    4000,
    manifestAt,
    Number(bytes.readBigUInt64LE(80)),
    ...ends.map(([offset, size]) => offset + size - 1),
  ]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    expect(() => decodeImage(changed), String(at)).toThrow(ImageError);
  }
  expect(() => decodeImage(bytes.subarray(0, bytes.length - 1))).toThrow(ImageError);
  expect(() => decodeImage(Buffer.alloc(100))).toThrow(ImageError);
});

test('the layout is checked', () => {
  const ok = [segment(), segment({ vaddr: abi.KERNEL_BASE + 8192 })];
  expect(() => checkLayout(ok)).not.toThrow();
  expect(() => checkLayout([segment(), segment({ vaddr: abi.KERNEL_BASE + 4096 })])).toThrow(/overlaps/);
  expect(() => checkLayout([segment({ vaddr: abi.EXE_BASE })])).toThrow(/outside its region/);
  expect(() => checkLayout([segment({ vaddr: abi.KERNEL_END - 4096 })])).toThrow(/outside its region/);
  expect(() => checkLayout([segment({ vaddr: abi.KERNEL_BASE + 1 })])).toThrow(/malformed/);
  expect(() => checkLayout([segment({ memSize: 2 })])).toThrow(/malformed/);
  const many = Array.from({ length: 49 }, (_, index) => segment({ vaddr: abi.KERNEL_BASE + index * 8192 }));
  expect(() => checkLayout(many)).toThrow(/49 segments/);
});

test('segments of an ELF file are whole pages, with the bytes before the first', () => {
  const elf = new Elf(
    makeElf({
      segments: [
        { vaddr: 0x400000, flags: 4, bytes: Buffer.alloc(0x1010, 1) },
        { vaddr: 0x403800, flags: 6, bytes: Buffer.from('data'), memSize: 0x1000 },
        { vaddr: 0x406000, flags: 6, bytes: Buffer.alloc(0), memSize: 10 },
      ],
    }),
    'made',
  );
  const [first, second, third] = segmentsOf(elf, abi.SEGMENT_EXE);
  expect(first).toMatchObject({ vaddr: 0x400000, memSize: 0x2000, prot: abi.PROT_READ });
  expect(second).toMatchObject({ vaddr: 0x403000, memSize: 0x2000, prot: abi.PROT_READ | abi.PROT_WRITE });
  expect(second?.bytes.length).toBe(0x804);
  expect(Buffer.from(second?.bytes.subarray(0x800) ?? '').toString()).toBe('data');
  expect(third).toMatchObject({ vaddr: 0x406000, memSize: 0x1000 });
  expect(third?.bytes.length).toBe(0);
});

test('two segments in one page of memory are refused', () => {
  const elf = new Elf(
    makeElf({
      segments: [
        { vaddr: 0x400000, flags: 5, bytes: Buffer.alloc(0x100) },
        { vaddr: 0x400800, flags: 6, bytes: Buffer.alloc(0x100) },
      ],
    }),
    'made',
  );
  expect(() => checkLayout(segmentsOf(elf, abi.SEGMENT_EXE))).toThrow(/overlaps/);
});

test('a file appears whole or not at all', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-images-'));
  const path = join(folder, 'deep/file');
  writeAtomically(path, [Buffer.from('a'), Buffer.from('bc')]);
  expect(readFileSync(path, 'utf8')).toBe('abc');
  const broken = [Buffer.from('new'), { length: 3 } as unknown as Uint8Array];
  expect(() => writeAtomically(path, broken)).toThrow();
  expect(readFileSync(path, 'utf8')).toBe('abc');
  expect(readdirSync(join(folder, 'deep'))).toEqual(['file']);
  rmSync(folder, { recursive: true });
});
