/**
 * Finds the syscall instructions that the LibOS may redirect when it maps a library (enum ebb_site_form of the ABI header).
 *
 * Invariant: a wrong patch kills the guest, so a site is reported only if all of this holds:
 * - its function (functions.ts) decodes from start to end without an unknown instruction, and ends where the function ends;
 * - it begins at an instruction of that sweep, and the instructions are the expected ones;
 * - no direct jump or call of the file and no address in its relocations leads into the 5 bytes to be overwritten, but to the first.
 * What is refused keeps trapping: slower, never wrong. Leaves out the patching itself.
 */

import { type Elf, PF_X } from './elf.ts';
import { functionsOf } from './functions.ts';
import { decode } from './length.ts';

/** `b8 nr nr nr nr 0f 05`: the offset is that of the b8. */
export const SITE_MOV = 1;
/** `0f 05 48 3d 01 f0 ff ff`, syscall; cmp $-4095, %rax: the offset is that of the 0f. */
export const SITE_CMP = 2;
/** `0f 05 48 3d 00 f0 ff ff`, syscall; cmp $-4096, %rax: what glibc's C macros compile to. */
export const SITE_CMP_4096 = 3;
/** `0f 05 3d 00 f0 ff ff`, syscall; cmp $-4096, %eax. */
export const SITE_CMP32_4096 = 4;

export type SiteForm = typeof SITE_MOV | typeof SITE_CMP | typeof SITE_CMP_4096 | typeof SITE_CMP32_4096;

/** The forms of a syscall followed by its check: the bytes, and where the second instruction starts. */
const AFTER_FORMS: readonly { readonly form: SiteForm; readonly bytes: Buffer }[] = [
  { form: SITE_CMP, bytes: Buffer.from([0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff]) },
  { form: SITE_CMP_4096, bytes: Buffer.from([0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff]) },
  { form: SITE_CMP32_4096, bytes: Buffer.from([0x0f, 0x05, 0x3d, 0x00, 0xf0, 0xff, 0xff]) },
];

export interface Site {
  readonly offset: number;
  readonly form: SiteForm;
}

export interface SiteScan {
  /** Sorted by file offset. */
  readonly sites: readonly Site[];
  /** `0f 05` byte pairs at an instruction boundary that have neither form: they will trap. */
  readonly other: number;
  /** Sites that have a form but failed a check: they will trap, too. */
  readonly refused: number;
}

const OVERWRITTEN = 5;
const MAX_NUMBER = 1024;
const SYSCALL = Buffer.from([0x0f, 0x05]);

/** What a sweep over the functions of one executable segment found; indices are file offsets minus `offset`. */
interface Sweep {
  readonly offset: number;
  readonly size: number;
  /** 1 where an instruction of a wholly decoded function starts; 2 where sweeps disagree or broke off. */
  readonly state: Uint8Array;
}

const START = 1;
const UNSURE = 2;

function sweep(elf: Elf, targets: Set<number>): Sweep[] {
  const sweeps = elf
    .loads()
    .filter((load) => (load.flags & PF_X) !== 0)
    .map((load) => ({ load, offset: load.offset, size: load.fileSize, state: new Uint8Array(load.fileSize) }));
  for (const range of functionsOf(elf)) {
    const found = sweeps.find(({ load }) => range.start >= load.vaddr && range.end <= load.vaddr + load.fileSize);
    if (found === undefined) continue;
    const delta = found.load.offset - found.load.vaddr;
    const end = range.end + delta;
    const starts: number[] = [];
    let at = range.start + delta;
    while (at < end) {
      const { length, target } = decode(elf.bytes, at, end);
      if (length === 0) break;
      starts.push(at - found.offset);
      if (target !== undefined) targets.add(target);
      at += length;
    }
    if (at !== end) {
      found.state.fill(UNSURE, range.start + delta - found.offset, end - found.offset);
      continue;
    }
    for (const start of starts) if (found.state[start] === 0) found.state[start] = START;
  }
  return sweeps;
}

function isMov(elf: Elf, at: number): boolean {
  return at >= 0 && elf.bytes[at] === 0xb8 && elf.bytes.readUInt32LE(at + 1) < MAX_NUMBER;
}

/** True when instructions of the sweep start at each of `expected` and nowhere else in [at, at + size). */
function startsExactly({ state, offset }: Sweep, at: number, size: number, expected: readonly number[]): boolean {
  for (let index = 0; index < size; index++) {
    if (state[at - offset + index] !== (expected.includes(index) ? START : 0)) return false;
  }
  return true;
}

export function scanSites(elf: Elf): SiteScan {
  const targets = new Set<number>();
  const sweeps = sweep(elf, targets);
  for (const addend of elf.relocationAddends()) {
    const offset = elf.fileOffset(addend);
    if (offset !== undefined) targets.add(offset);
  }
  const isEntered = (at: number): boolean => {
    for (let index = 1; index < OVERWRITTEN; index++) if (targets.has(at + index)) return true;
    return false;
  };
  const sites: Site[] = [];
  let other = 0;
  let refused = 0;
  for (const region of sweeps) {
    const end = region.offset + region.size;
    for (
      let at = elf.bytes.indexOf(SYSCALL, region.offset);
      at >= 0 && at + 2 <= end;
      at = elf.bytes.indexOf(SYSCALL, at + 1)
    ) {
      const mov = at - 5;
      if (mov >= region.offset && isMov(elf, mov)) {
        if (startsExactly(region, mov, 7, [0, 5]) && !isEntered(mov)) sites.push({ offset: mov, form: SITE_MOV });
        else refused++;
        continue;
      }
      const after = AFTER_FORMS.find(
        ({ bytes }) => at + bytes.length <= end && bytes.equals(elf.bytes.subarray(at, at + bytes.length)),
      );
      if (after !== undefined) {
        if (startsExactly(region, at, after.bytes.length, [0, 2]) && !isEntered(at))
          sites.push({ offset: at, form: after.form });
        else refused++;
      } else if (region.state[at - region.offset] === START) {
        other++;
      }
    }
  }
  return { sites, other, refused };
}
