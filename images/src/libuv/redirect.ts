/**
 * Redirects the libuv of a program (Node has it linked in) to libuv-ebb: each uv_* entry becomes a jump through a slot, the slots
 * lie behind the program's data, and libuv-ebb.so, which ld.so preloads, fills them before the program's first initialiser.
 *
 * Invariant: either every uv_* function that the program exports is redirected (but for those that the library leaves to it), or
 * the image is not built. Half of one libuv and half of another would share structures that they read differently.
 */
import * as abi from '../abi.ts';
import { Elf, type ElfSymbol, PF_W } from '../elf/elf.ts';
import { ImageError } from '../errors.ts';
import { libuvRanges } from './poison.ts';

export interface Redirected {
  readonly program: Elf;
  readonly library: Elf;
  readonly functions: number;
  /** Bytes of the program's own libuv that were overwritten, beyond the entries. */
  readonly poisoned: number;
}

/** `jmp *slot(%rip)`. */
const JUMP = Buffer.from([0xff, 0x25]);
const JUMP_SIZE = 6;
const SLOT_SIZE = 8;
const INT3 = 0xcc;
const isEntry = (name: string): boolean => /^uv_/.test(name);

/** The functions of libuv-ebb in the order of its slots; true: the program keeps its own. */
export function entriesOf(library: Elf): Map<string, { readonly slot: number; readonly kept: boolean }> {
  const names = symbolOf(library, 'ebb_uv_names');
  const at = library.fileOffset(names.value) ?? library.fail('ebb_uv_names lies in no segment');
  const texts = library.slice(at, names.size).toString('latin1').split('\0').filter(Boolean);
  return new Map(
    texts.map((text, slot) => {
      const [name = '', how] = text.split('=');
      return [name, { slot, kept: how === 'Own' }];
    }),
  );
}

function symbolOf(elf: Elf, name: string): ElfSymbol {
  const symbol = elf.symbols('dynsym').find((candidate) => candidate.name === name && candidate.isDefined);
  return symbol ?? elf.fail(`no symbol ${name}`);
}

function refuse(program: Elf, what: string): never {
  throw new ImageError('IMAGE_LIBUV', `${program.path}: ${what}`);
}

/** Neither input is changed. `poison`: nothing but jumps is left of the program's own libuv, so that a missed call shows. */
export function redirectLibuv(program: Elf, library: Elf, poison: boolean): Redirected {
  const bytes = Buffer.from(program.bytes);
  const known = entriesOf(library);
  const symbols = program.symbols('symtab').filter(({ isFunction, isDefined }) => isFunction && isDefined);
  const starts = [...new Set(symbols.map(({ value }) => value))].sort((a, b) => a - b);
  const slotsAt = makeRoom(program, bytes, known.size * SLOT_SIZE);

  const entries = program.symbols('dynsym').filter(({ name, isFunction, isDefined }) => {
    return isFunction && isDefined && (isEntry(name) || known.has(name));
  });
  if (entries.length === 0) refuse(program, 'exports no libuv');
  const kept: ElfSymbol[] = [];
  const jumps: { readonly at: number; readonly bytes: Buffer }[] = [];
  for (const entry of entries) {
    const target = known.get(entry.name);
    if (target === undefined) refuse(program, `${entry.name} is not in ${library.path}`);
    if (target.kept) {
      kept.push(entry);
      continue;
    }
    const at = program.fileOffset(entry.value);
    const next = starts[after(starts, entry.value)] ?? Number.POSITIVE_INFINITY;
    if (at === undefined || next - entry.value < JUMP_SIZE) refuse(program, `no room for a jump at ${entry.name}`);
    const jump = Buffer.alloc(JUMP_SIZE);
    JUMP.copy(jump);
    jump.writeInt32LE(slotsAt + target.slot * SLOT_SIZE - (entry.value + JUMP_SIZE), JUMP.length);
    jumps.push({ at, bytes: jump });
  }

  let poisoned = 0;
  if (poison) {
    for (const { start, end } of libuvRanges(program)) {
      if (kept.some(({ value }) => value >= start && value < end)) continue;
      const at = program.fileOffset(start) ?? refuse(program, 'code lies in no segment');
      bytes.fill(INT3, at, at + (end - start));
      poisoned += end - start;
    }
  }
  for (const jump of jumps) jump.bytes.copy(bytes, jump.at);
  return {
    program: new Elf(bytes, program.path),
    library: withSlots(library, slotsAt),
    functions: jumps.length,
    poisoned,
  };
}

/** Index of the first element that is greater than `value`. */
function after(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lengthens the program's data, which ends in zeros that lie in no file, by `size`; where the room begins. */
function makeRoom(program: Elf, bytes: Buffer, size: number): number {
  const last = program.loads().reduce((a, b) => (a.vaddr > b.vaddr ? a : b));
  if ((last.flags & PF_W) === 0) refuse(program, 'its last segment cannot be written');
  const start = Math.ceil((last.vaddr + last.memSize) / SLOT_SIZE) * SLOT_SIZE;
  const memSize = start + size - last.vaddr;
  if (last.vaddr + memSize > abi.EXE_END) refuse(program, 'no room behind its data');
  bytes.writeBigUInt64LE(BigInt(memSize), last.at + 40);
  return start;
}

function withSlots(library: Elf, slotsAt: number): Elf {
  const bytes = Buffer.from(library.bytes);
  const at = library.fileOffset(symbolOf(library, 'ebb_uv_slots').value);
  if (at === undefined) return library.fail('ebb_uv_slots lies in no file');
  bytes.writeBigUInt64LE(BigInt(slotsAt), at);
  return new Elf(bytes, library.path);
}
