import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Elf } from './elf.ts';
import { functionsOf } from './functions.ts';
import { decode } from './length.ts';

function decodeHex(hex: string): { length: number; target: number | undefined } {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decode(bytes, 0, bytes.length);
}

/** Encodings that the C library may not contain; lengths from the processor manuals. */
const encodings: readonly [hex: string, meaning: string][] = [
  ['90', 'nop'],
  ['f3 90', 'pause'],
  ['66 2e 0f 1f 84 00 00 00 00 00', 'nopw'],
  ['48 b8 01 02 03 04 05 06 07 08', 'movabs'],
  ['66 b8 01 02', 'mov imm16'],
  ['b8 3c 00 00 00', 'mov imm32'],
  ['48 a1 01 02 03 04 05 06 07 08', 'mov moffs64'],
  ['67 a1 01 02 03 04', 'mov moffs32'],
  ['48 c7 c0 0f 00 00 00', 'mov sign-extended'],
  ['f6 04 25 10 00 00 00 01', 'testb absolute'],
  ['f7 d8', 'neg'],
  ['66 f7 c0 01 00', 'test imm16'],
  ['c8 10 00 00', 'enter'],
  ['c2 08 00', 'ret imm16'],
  ['0f 05', 'syscall'],
  ['0f ba e0 05', 'bt imm8'],
  ['f3 0f 1e fa', 'endbr64'],
  ['66 0f 3a 0f c1 08', 'palignr'],
  ['66 0f 38 00 c1', 'pshufb'],
  ['c5 f8 77', 'vzeroupper'],
  ['c5 fd 6f 44 24 20', 'vmovdqa'],
  ['c4 e3 7d 39 c1 01', 'vextracti128'],
  ['c4 e2 79 58 05 00 01 02 03', 'vpbroadcastd rip-relative'],
  ['62 f1 7c 48 10 47 01', 'vmovups disp8*N'],
  ['62 f3 7d 48 3f c1 04', 'vpcmpub'],
  ['62 f1 7c 48 10 05 00 00 00 00', 'vmovups rip-relative'],
  ['c5 f9 90 c8', 'kmovb'],
  ['c4 e3 f9 31 c0 10', 'kshiftrq'],
  ['48 8d 04 8d 00 00 00 00', 'lea scaled without base'],
  ['41 8b 45 00', 'mov with r13 base'],
  ['64 48 8b 04 25 28 00 00 00', 'canary load'],
  ['f0 48 0f b1 0d 00 00 00 00', 'lock cmpxchg'],
  ['d9 7c 24 02', 'fnstcw'],
];

test.each(encodings)('%s is one instruction (%s)', (hex) => {
  expect(decodeHex(hex)).toEqual({ length: hex.split(' ').length, target: undefined });
});

test('direct branches tell where they go', () => {
  expect(decodeHex('eb fe')).toEqual({ length: 2, target: 0 });
  expect(decodeHex('74 05')).toEqual({ length: 2, target: 7 });
  expect(decodeHex('e8 00 01 00 00')).toEqual({ length: 5, target: 0x105 });
  expect(decodeHex('0f 87 fa ff ff ff')).toEqual({ length: 6, target: 0 });
  expect(decodeHex('c7 f8 10 00 00 00')).toEqual({ length: 6, target: 0x16 });
  expect(decodeHex('66 66 48 e8 00 00 00 00')).toEqual({ length: 8, target: 8 });
  expect(decodeHex('ff e0').target).toBeUndefined();
});

test('what is unknown or cut off has no length', () => {
  const bad = [
    '06',
    '0f 04',
    '62 f1 78 48 10 47 01',
    '8f e8 78 00',
    '66 e9 00 00',
    'e8 00 00 00',
    '48',
    '66',
    '',
    'c4 e0 00 00 00',
  ];
  for (const hex of bad) expect(decodeHex(hex).length, hex).toBe(0);
  expect(decodeHex('66 '.repeat(15).concat('90')).length).toBe(0);
});

test('agrees with objdump on every function of the C library', { timeout: 60_000 }, () => {
  const path = '/lib/x86_64-linux-gnu/libc.so.6';
  const elf = new Elf(readFileSync(path), path);
  const listing = execFileSync('objdump', ['-d', '--no-show-raw-insn', path], { maxBuffer: 2 ** 28 }).toString(
    'latin1',
  );
  const texts = new Map<number, string>();
  for (const [, address = '', text = ''] of listing.matchAll(/^ *([0-9a-f]+):\t(.*)$/gm))
    texts.set(Number.parseInt(address, 16), text);
  let instructions = 0;
  const wrong: string[] = [];
  for (const { start, end } of functionsOf(elf)) {
    const delta = (elf.fileOffset(start) ?? Number.NaN) - start;
    // __restore_rt's description starts at the byte before it, which objdump takes with the padding.
    const first = texts.has(start) ? start : start + 1;
    for (let at = first; at < end; ) {
      const { length, target } = decode(elf.bytes, at + delta, end + delta);
      const text = texts.get(at);
      const branch =
        /^(?:bnd |notrack |data16 |rex\.W )*(?:j\w+|call|xbegin|loop\w*)(?:,p[nt])?\s+([0-9a-f]+)(?: |$)/.exec(
          text ?? '',
        );
      const expected = branch === null ? undefined : Number.parseInt(branch[1] ?? '', 16) + delta;
      if (length === 0 || text === undefined || target !== expected) {
        wrong.push(`${at.toString(16)} ${text}`);
        break;
      }
      instructions++;
      at += length;
    }
  }
  expect(wrong).toEqual([]);
  expect(instructions).toBeGreaterThan(100_000);
});
