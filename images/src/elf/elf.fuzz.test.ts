/** The image builder's readers of ELF files and code on damaged input: an answer or IMAGE_ELF_BAD, and nothing else. */

import { caseCount, mutate, SeededRandom } from '@ebbwhisk/libos-node/fuzz/mutate';
import { expect, test } from 'vitest';
import { ImageError } from '../errors.ts';
import { Elf, PT_GNU_EH_FRAME } from './elf.ts';
import { makeElf } from './elf-maker.ts';
import { functionsOf } from './functions.ts';
import { decode } from './length.ts';
import { scanSites } from './sites.ts';

const code = Buffer.from('b801000000 0f05 c3 0f05 483d01f0ffff c3 e8f0ffffff c3'.replaceAll(' ', ''), 'hex');

/** .eh_frame_hdr with one entry, a common entry and a frame description of the code. */
function frames(vaddr: number, codeVaddr: number): Buffer {
  const bytes = Buffer.alloc(80);
  bytes.set([1, 0x1b, 0x03, 0x3b], 0);
  bytes.writeUInt32LE(1, 8);
  bytes.writeInt32LE(codeVaddr - vaddr, 12);
  bytes.writeInt32LE(48, 16);
  bytes.writeUInt32LE(16, 24);
  bytes.set([1, ...Buffer.from('zR\0'), 1, 0x78, 0x10, 1, 0x1b], 32);
  bytes.writeUInt32LE(16, 48);
  bytes.writeUInt32LE(52 - 24, 52);
  bytes.writeInt32LE(0, 56);
  bytes.writeInt32LE(code.length, 60);
  return bytes;
}

function soundElf(): Buffer {
  const elf = makeElf({
    segments: [
      { vaddr: 0x400000, flags: 5, bytes: code },
      { vaddr: 0x402010, flags: 6, bytes: Buffer.from('xy'), memSize: 100 },
      { vaddr: 0x404000, flags: 4, bytes: frames(0x404000, 0x400000) },
    ],
    symbols: [{ name: 'main', value: 0x400000, size: code.length }],
    interpreter: '/lib64/ld.so',
    needed: ['libc.so.6'],
    addends: [0x400003],
  });
  // One program header more: the maker has no need of it elsewhere.
  const count = elf.readUInt16LE(56);
  elf.copy(elf, 64 + count * 56, 64 + 2 * 56, 64 + 3 * 56);
  elf.writeUInt32LE(PT_GNU_EH_FRAME, 64 + count * 56);
  elf.writeUInt16LE(count + 1, 56);
  return elf;
}

function readEverything(bytes: Buffer): void {
  const elf = new Elf(bytes, 'damaged');
  elf.interpreter();
  elf.needed();
  elf.soname();
  elf.symbols('symtab');
  functionsOf(elf);
  const { sites } = scanSites(elf);
  for (const { offset, form } of sites) {
    expect(form).toBeGreaterThan(0);
    expect(offset + 7).toBeLessThanOrEqual(bytes.length);
  }
}

test('the sound file is read whole', () => {
  readEverything(soundElf());
  expect(scanSites(new Elf(soundElf(), 'sound')).sites.length + scanSites(new Elf(soundElf(), 'sound')).refused).toBe(
    2,
  );
});

test('damaged files', { timeout: 1_200_000 }, () => {
  const sound = soundElf();
  // Where something is: headers, and the first bytes of each page.
  const pages = Math.floor(sound.length / 4096);
  let read = 0;
  const cases = caseCount(4000);
  for (let number = 0; number < cases; number += 1) {
    const random = new SeededRandom(number);
    const bytes = mutate(sound, random, () =>
      random.below(2) === 0 ? random.below(64 + 7 * 56) : random.below(pages) * 4096 + random.below(320),
    );
    try {
      readEverything(bytes);
      read += 1;
    } catch (error) {
      expect(error, `case ${number}: ${(error as Error).stack}`).toBeInstanceOf(ImageError);
      expect((error as ImageError).code, `case ${number}`).toBe('IMAGE_ELF_BAD');
    }
  }
  expect(read).toBeGreaterThan(cases / 20);
  expect(read).toBeLessThan(cases);
});

test('any bytes have an instruction length within them, the same with more bytes behind', { timeout: 600_000 }, () => {
  const cases = caseCount(20_000);
  for (let number = 0; number < cases; number += 1) {
    const random = new SeededRandom(number);
    const bytes = Uint8Array.from({ length: 24 }, () => random.below(256));
    const end = 1 + random.below(24);
    const { length } = decode(bytes, 0, end);
    expect(length, `case ${number}`).toBeLessThanOrEqual(Math.min(end, 15));
    if (length > 0) expect(decode(bytes, 0, 24).length, `case ${number}`).toBe(length);
  }
});
