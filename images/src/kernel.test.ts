import { expect, test } from 'vitest';
import { KERNEL_BASE } from './abi.ts';
import { Elf } from './elf/elf.ts';
import { makeElf } from './elf/elf-maker.ts';
import { kernelParts } from './kernel.ts';

const symbols = [
  { name: 'ebb_kernel_entry', value: KERNEL_BASE + 16 },
  { name: 'ebb_upcall_entry', value: KERNEL_BASE + 32 },
  { name: 'ebb_syscall_trap_entry', value: KERNEL_BASE + 48 },
  { name: '__ebb_text_start', value: KERNEL_BASE },
  { name: '__ebb_text_end', value: KERNEL_BASE + 4096 },
];

function kernelWith(changed: readonly { name: string; value: number }[]): Elf {
  return new Elf(
    makeElf({ segments: [{ vaddr: KERNEL_BASE, flags: 5, bytes: Buffer.alloc(4096) }], symbols: changed }),
    'kernel',
  );
}

test('finds segments and entry points', () => {
  const parts = kernelParts(kernelWith(symbols));
  expect(parts.segments).toHaveLength(1);
  expect(parts.symbols).toEqual({
    entry: KERNEL_BASE + 16,
    upcall: KERNEL_BASE + 32,
    syscallTrap: KERNEL_BASE + 48,
    textStart: KERNEL_BASE,
    textEnd: KERNEL_BASE + 4096,
  });
});

test.each(symbols.map(({ name }) => name))('misses %s', (name) => {
  expect(() => kernelParts(kernelWith(symbols.filter((symbol) => symbol.name !== name)))).toThrow(`no symbol ${name}`);
});

test('entry points must lie in the text, the text in an executable segment', () => {
  const moved = (name: string, value: number) =>
    symbols.map((symbol) => (symbol.name === name ? { name, value } : symbol));
  expect(() => kernelParts(kernelWith(moved('ebb_upcall_entry', KERNEL_BASE + 4096)))).toThrow(/outside its text/);
  expect(() => kernelParts(kernelWith(moved('__ebb_text_end', KERNEL_BASE + 8192)))).toThrow(/executable segment/);
  expect(() => kernelParts(kernelWith(moved('__ebb_text_end', KERNEL_BASE)))).toThrow(/executable segment/);
});
