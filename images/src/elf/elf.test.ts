import { expect, test } from 'vitest';
import { ImageError } from '../errors.ts';
import { Elf } from './elf.ts';
import { makeElf } from './elf-maker.ts';

const text = { vaddr: 0x400000, flags: 5, bytes: Buffer.from('abcd') };

test('reads headers, symbols, interpreter and needed libraries', () => {
  const elf = new Elf(
    makeElf({
      segments: [text, { vaddr: 0x402010, flags: 6, bytes: Buffer.from('xy'), memSize: 100 }],
      symbols: [{ name: 'main', value: 0x400001, size: 3 }],
      interpreter: '/lib64/ld.so',
      needed: ['libc.so.6', 'libm.so.6'],
    }),
    'made',
  );
  expect(elf.type).toBe(2);
  expect(elf.loads().slice(0, 2)).toMatchObject([
    { vaddr: 0x400000, flags: 5, fileSize: 4, memSize: 4 },
    { vaddr: 0x402010, flags: 6, fileSize: 2, memSize: 100 },
  ]);
  expect(elf.interpreter()).toBe('/lib64/ld.so');
  expect(elf.needed()).toEqual(['libc.so.6', 'libm.so.6']);
  expect(elf.symbols('symtab').find(({ name }) => name === 'main')).toMatchObject({
    value: 0x400001,
    size: 3,
    isFunction: true,
  });
  const offset = elf.fileOffset(0x400002);
  expect(elf.bytes.toString('latin1', offset, (offset ?? 0) + 2)).toBe('cd');
  expect(elf.fileOffset(0x402010 + 2)).toBeUndefined();
});

test('a program without dynamic section needs nothing', () => {
  const elf = new Elf(makeElf({ segments: [text] }), 'made');
  expect(elf.needed()).toEqual([]);
  expect(elf.interpreter()).toBeUndefined();
});

function damaged(change: (bytes: Buffer) => void): () => Elf {
  const bytes = makeElf({ segments: [text] });
  change(bytes);
  return () => new Elf(bytes, 'damaged');
}

test.each<[string, (bytes: Buffer) => void]>([
  ['no magic', (bytes) => bytes.fill(0, 0, 4)],
  ['32 bits', (bytes) => bytes.writeUInt8(1, 4)],
  ['another machine', (bytes) => bytes.writeUInt16LE(183, 18)],
  ['program headers outside', (bytes) => bytes.writeBigUInt64LE(1n << 40n, 32)],
  ['an offset beyond numbers', (bytes) => bytes.writeBigUInt64LE(1n << 63n, 32)],
  ['a segment outside', (bytes) => bytes.writeBigUInt64LE(1n << 30n, 64 + 32)],
  ['a segment larger in the file', (bytes) => bytes.writeBigUInt64LE(2n, 64 + 40)],
  ['a segment off its page', (bytes) => bytes.writeBigUInt64LE(0x400001n, 64 + 16)],
  ['sections outside', (bytes) => bytes.writeBigUInt64LE(1n << 40n, 40)],
])('refuses %s', (_, change) => {
  expect(damaged(change)).toThrow(ImageError);
});

test('refuses a file that is cut anywhere', () => {
  const bytes = makeElf({ segments: [text], needed: ['a.so'] });
  for (const size of [0, 10, 63, 100, 4096, bytes.length - 1]) {
    expect(() => new Elf(Buffer.from(bytes.subarray(0, size)), 'cut').needed(), String(size)).toThrow(ImageError);
  }
});
