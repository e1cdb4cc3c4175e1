/** The LibOS kernel as an input: its segments, and the addresses that the image header states. */
import * as abi from './abi.ts';
import type { Elf } from './elf/elf.ts';
import { ImageError } from './errors.ts';
import { type Segment, segmentsOf } from './image/segments.ts';
import type { KernelSymbols } from './image/write.ts';

const symbolNames = {
  entry: 'ebb_kernel_entry',
  upcall: 'ebb_upcall_entry',
  syscallTrap: 'ebb_syscall_trap_entry',
  textStart: '__ebb_text_start',
  textEnd: '__ebb_text_end',
} as const;

export function kernelParts(elf: Elf): { segments: Segment[]; symbols: KernelSymbols } {
  const table = new Map(elf.symbols('symtab').map((symbol) => [symbol.name, symbol]));
  const addressOf = (name: string): number => {
    const symbol = table.get(name);
    if (symbol === undefined || !symbol.isDefined)
      throw new ImageError('IMAGE_ELF_BAD', `${elf.path} has no symbol ${name}`);
    return symbol.value;
  };
  const symbols: KernelSymbols = {
    entry: addressOf(symbolNames.entry),
    upcall: addressOf(symbolNames.upcall),
    syscallTrap: addressOf(symbolNames.syscallTrap),
    textStart: addressOf(symbolNames.textStart),
    textEnd: addressOf(symbolNames.textEnd),
  };
  const segments = segmentsOf(elf, abi.SEGMENT_KERNEL);
  const text = segments.find(({ vaddr, memSize }) => symbols.textStart >= vaddr && symbols.textEnd <= vaddr + memSize);
  if (text === undefined || (text.prot & abi.PROT_EXEC) === 0 || symbols.textEnd <= symbols.textStart) {
    throw new ImageError('IMAGE_ELF_BAD', `${elf.path}: its text symbols do not lie in one executable segment`);
  }
  for (const name of ['entry', 'upcall', 'syscallTrap'] as const) {
    if (symbols[name] < symbols.textStart || symbols[name] >= symbols.textEnd) {
      throw new ImageError('IMAGE_ELF_BAD', `${elf.path}: ${symbolNames[name]} lies outside its text`);
    }
  }
  return { segments, symbols };
}
