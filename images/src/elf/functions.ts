/**
 * Where functions begin and end: the frame descriptions of .eh_frame (found by PT_GNU_EH_FRAME, so a stripped file has them
 * too) and the function symbols of .dynsym. Both are written by the compiler or by hand-written CFI and start at an instruction.
 *
 * Leaves out code that neither describes: nothing is known about it, so nothing in it may be patched.
 */
import { type Elf, PT_GNU_EH_FRAME } from './elf.ts';

export interface FunctionRange {
  readonly start: number;
  readonly end: number;
}

const DW_EH_PE_DATAREL_SDATA4 = 0x3b;
const DW_EH_PE_OMIT = 0xff;

/** Size of a pointer in a DWARF exception-header encoding; 0 when it has none of a fixed size. */
function encodedSize(encoding: number): number {
  switch (encoding & 0x0f) {
    case 0x00:
    case 0x04:
    case 0x0c:
      return 8;
    case 0x03:
    case 0x0b:
      return 4;
    case 0x02:
    case 0x0a:
      return 2;
    default:
      return 0;
  }
}

/** The pointer encoding of the frame descriptions that refer to the common entry at `at`. */
function pointerEncoding(elf: Elf, at: number): number {
  const { bytes } = elf;
  const length = elf.slice(at, 4).readUInt32LE();
  const end = at + 4 + length;
  elf.slice(at, 4 + length);
  if (length < 9 || bytes.readUInt32LE(at + 4) !== 0) elf.fail('bad common entry in .eh_frame');
  const version = bytes[at + 8] as number;
  const nul = bytes.indexOf(0, at + 9);
  if (nul < 0 || nul >= end) elf.fail('bad augmentation in .eh_frame');
  const augmentation = bytes.toString('latin1', at + 9, nul);
  let position = nul + 1;
  const skipLeb = (): void => {
    while (position < end && ((bytes[position] as number) & 0x80) !== 0) position++;
    position++;
  };
  skipLeb();
  skipLeb();
  if (version === 1) position++;
  else skipLeb();
  if (!augmentation.startsWith('z')) return 0;
  skipLeb();
  for (const letter of augmentation.slice(1)) {
    if (position >= end) elf.fail('short augmentation in .eh_frame');
    if (letter === 'R') return bytes[position] as number;
    if (letter === 'L') position += 1;
    else if (letter === 'P') position += 1 + encodedSize(bytes[position] as number);
    else if (letter !== 'S' && letter !== 'B') elf.fail(`unknown augmentation ${letter} in .eh_frame`);
  }
  return 0;
}

function framesOf(elf: Elf): FunctionRange[] {
  const header = elf.programHeaders.find((candidate) => candidate.type === PT_GNU_EH_FRAME);
  if (header === undefined) return [];
  const table = elf.slice(header.offset, header.fileSize);
  if (table.length < 12 || table[0] !== 1 || table[3] !== DW_EH_PE_DATAREL_SDATA4 || table[2] === DW_EH_PE_OMIT) {
    return elf.fail('unknown form of .eh_frame_hdr');
  }
  const framePointerSize = encodedSize(table[1] as number);
  if (framePointerSize !== 4 || encodedSize(table[2] as number) !== 4) elf.fail('unknown form of .eh_frame_hdr');
  const count = table.readUInt32LE(8);
  if (12 + count * 8 > table.length) elf.fail('.eh_frame_hdr is cut off');
  const encodings = new Map<number, number>();
  const ranges: FunctionRange[] = [];
  for (let index = 0; index < count; index++) {
    const start = header.vaddr + table.readInt32LE(12 + index * 8);
    const at = elf.fileOffset(header.vaddr + table.readInt32LE(16 + index * 8));
    if (at === undefined) return elf.fail('a frame description lies outside');
    elf.slice(at, 8);
    const common = at + 4 - elf.bytes.readUInt32LE(at + 4);
    let encoding = encodings.get(common);
    if (encoding === undefined) {
      encoding = pointerEncoding(elf, common);
      encodings.set(common, encoding);
    }
    const size = encodedSize(encoding);
    if (size === 0) elf.fail('unknown pointer encoding in .eh_frame');
    const rangeAt = at + 8 + size;
    elf.slice(rangeAt, size);
    const length = size === 8 ? elf.u64(rangeAt) : elf.bytes.readUIntLE(rangeAt, size);
    if (length > 0) ranges.push({ start, end: start + length });
  }
  return ranges;
}

/** Function ranges by virtual address, sorted, those of frame descriptions first where several begin at one place. */
export function functionsOf(elf: Elf): FunctionRange[] {
  const ranges = framesOf(elf);
  const starts = new Set(ranges.map((range) => range.start));
  for (const symbol of elf.symbols('dynsym')) {
    if (symbol.isFunction && symbol.isDefined && symbol.size > 0 && !starts.has(symbol.value)) {
      ranges.push({ start: symbol.value, end: symbol.value + symbol.size });
    }
  }
  return ranges.sort((a, b) => a.start - b.start || b.end - a.end);
}
