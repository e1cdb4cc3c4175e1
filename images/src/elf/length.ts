/**
 * Length decoder for 64-bit x86 code: how many bytes an instruction has and, for a direct branch, where it goes.
 *
 * Invariant: an encoding that is not positively known yields length 0, never a guess; the callers then trust nothing of the
 * function it stands in. Covers the legacy maps, VEX and EVEX. Leaves out operands, semantics, XOP and 32-bit code.
 */

/** Bits of an opcode's entry: has a ModRM byte; the immediate's form in the upper bits. */
const MODRM = 1;
const INVALID = 2;
const IMM8 = 4;
const IMM16 = 8;
/** 2 bytes after an operand-size prefix, else 4. */
const IMMZ = 16;
/** As IMMZ, but 8 bytes with REX.W: only b8-bf. */
const IMMV = 32;
/** An absolute address: a0-a3. */
const MOFFS = 64;
const REL8 = 128;
const REL32 = 256;
/** f6 and f7: the immediate is there when ModRM.reg is 0 or 1. */
const GROUP3 = 512;

function fill(table: Uint16Array, from: number, to: number, flags: number): void {
  table.fill(flags, from, to + 1);
}

function oneByteMap(): Uint16Array {
  const t = new Uint16Array(256);
  for (let row = 0; row < 0x40; row += 8) {
    fill(t, row, row + 3, MODRM);
    t[row + 4] = IMM8;
    t[row + 5] = IMMZ;
    fill(t, row + 6, row + 7, INVALID);
  }
  fill(t, 0x60, 0x62, INVALID);
  t[0x63] = MODRM;
  t[0x68] = IMMZ;
  t[0x69] = MODRM | IMMZ;
  t[0x6a] = IMM8;
  t[0x6b] = MODRM | IMM8;
  fill(t, 0x70, 0x7f, REL8);
  t[0x80] = MODRM | IMM8;
  t[0x81] = MODRM | IMMZ;
  t[0x82] = INVALID;
  t[0x83] = MODRM | IMM8;
  fill(t, 0x84, 0x8f, MODRM);
  t[0x9a] = INVALID;
  fill(t, 0xa0, 0xa3, MOFFS);
  t[0xa8] = IMM8;
  t[0xa9] = IMMZ;
  fill(t, 0xb0, 0xb7, IMM8);
  fill(t, 0xb8, 0xbf, IMMV);
  fill(t, 0xc0, 0xc1, MODRM | IMM8);
  t[0xc2] = IMM16;
  fill(t, 0xc4, 0xc5, INVALID);
  t[0xc6] = MODRM | IMM8;
  t[0xc7] = MODRM | IMMZ;
  t[0xc8] = IMM16 | IMM8;
  t[0xca] = IMM16;
  t[0xcd] = IMM8;
  t[0xce] = INVALID;
  fill(t, 0xd0, 0xd3, MODRM);
  fill(t, 0xd4, 0xd6, INVALID);
  fill(t, 0xd8, 0xdf, MODRM);
  fill(t, 0xe0, 0xe3, REL8);
  fill(t, 0xe4, 0xe7, IMM8);
  fill(t, 0xe8, 0xe9, REL32);
  t[0xea] = INVALID;
  t[0xeb] = REL8;
  fill(t, 0xf6, 0xf7, MODRM | GROUP3);
  fill(t, 0xfe, 0xff, MODRM);
  return t;
}

/** Map 0f. */
function twoByteMap(): Uint16Array {
  const t = new Uint16Array(256);
  fill(t, 0x00, 0xff, MODRM);
  for (const opcode of [0x04, 0x0a, 0x0c, 0x36, 0x39, 0x7a, 0x7b, 0xa6, 0xa7]) t[opcode] = INVALID;
  fill(t, 0x24, 0x27, INVALID);
  fill(t, 0x3b, 0x3f, INVALID);
  for (const opcode of [0x05, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x0e, 0x77, 0xa0, 0xa1, 0xa2, 0xa8, 0xa9, 0xaa])
    t[opcode] = 0;
  fill(t, 0x30, 0x35, 0);
  t[0x37] = 0;
  fill(t, 0xc8, 0xcf, 0);
  fill(t, 0x80, 0x8f, REL32);
  fill(t, 0x70, 0x73, MODRM | IMM8);
  for (const opcode of [0x0f, 0xa4, 0xac, 0xba, 0xc2, 0xc4, 0xc5, 0xc6]) t[opcode] = MODRM | IMM8;
  return t;
}

/** Map 1 under VEX and EVEX: no branches, immediates only where the vector instructions have them. */
function vectorMap1(): Uint16Array {
  const t = new Uint16Array(256);
  fill(t, 0x00, 0xff, MODRM);
  fill(t, 0x70, 0x73, MODRM | IMM8);
  for (const opcode of [0xc2, 0xc4, 0xc5, 0xc6]) t[opcode] = MODRM | IMM8;
  return t;
}

const ONE_BYTE = oneByteMap();
const TWO_BYTE = twoByteMap();
const VECTOR_1 = vectorMap1();
const MAX_LENGTH = 15;

export interface Decoded {
  /** 0: not a known instruction, or one that ends beyond `end`. */
  length: number;
  /** Offset of the target of a direct jump, call or xbegin, relative to the same origin as the instruction. */
  target: number | undefined;
}

/** Bytes of ModRM, SIB and displacement at `at`; 0 when they do not fit before `end`. `vectorDisp8` changes nothing: disp8*N is one byte. */
function modrmLength(code: Uint8Array, at: number, end: number): number {
  if (at >= end) return 0;
  const modrm = code[at] as number;
  const mod = modrm >> 6;
  const rm = modrm & 7;
  let length = 1;
  let base = rm;
  if (mod !== 3 && rm === 4) {
    if (at + 1 >= end) return 0;
    base = (code[at + 1] as number) & 7;
    length = 2;
  }
  if (mod === 1) length += 1;
  else if (mod === 2) length += 4;
  else if (mod === 0 && base === 5) length += 4;
  return length;
}

function readSigned(code: Uint8Array, at: number, size: number): number {
  if (size === 1) return ((code[at] as number) << 24) >> 24;
  return (
    (code[at] as number) |
    ((code[at + 1] as number) << 8) |
    ((code[at + 2] as number) << 16) |
    ((code[at + 3] as number) << 24)
  );
}

const NOTHING: Decoded = Object.freeze({ length: 0, target: undefined });

/** Decodes the instruction at `start`; no byte at or beyond `end` is looked at. */
export function decode(code: Uint8Array, start: number, end: number): Decoded {
  const limit = Math.min(end, start + MAX_LENGTH);
  let at = start;
  let operandSize = false;
  let addressSize = false;
  let repeat = false;
  for (; at < limit; at++) {
    const byte = code[at] as number;
    if (byte === 0x66) operandSize = true;
    else if (byte === 0x67) addressSize = true;
    else if (byte === 0xf2 || byte === 0xf3) repeat = true;
    else if (
      byte !== 0x2e &&
      byte !== 0x36 &&
      byte !== 0x3e &&
      byte !== 0x26 &&
      byte !== 0x64 &&
      byte !== 0x65 &&
      byte !== 0xf0
    )
      break;
  }
  let rexW = false;
  if (at < limit && ((code[at] as number) & 0xf0) === 0x40) {
    rexW = ((code[at] as number) & 8) !== 0;
    at++;
    // A REX prefix counts only right before the opcode; compilers do not write another prefix behind it.
  }
  if (at >= limit) return NOTHING;
  const opcode = code[at++] as number;
  let flags: number;
  let lastOpcode = opcode;
  let vector = false;
  if (opcode === 0x0f) {
    if (at >= limit) return NOTHING;
    const second = code[at++] as number;
    lastOpcode = second;
    if (second === 0x38 || second === 0x3a) {
      if (at >= limit) return NOTHING;
      lastOpcode = code[at++] as number;
      flags = second === 0x3a ? MODRM | IMM8 : MODRM;
    } else {
      flags = TWO_BYTE[second] as number;
      // extrq and insertq of SSE4a stand here under a prefix, with immediates of their own.
      if ((second === 0x78 || second === 0x79) && (operandSize || repeat)) return NOTHING;
    }
  } else if (opcode === 0xc5) {
    if (at + 1 >= limit) return NOTHING;
    lastOpcode = code[at + 1] as number;
    flags = lastOpcode === 0x77 ? 0 : (VECTOR_1[lastOpcode] as number);
    at += 2;
    vector = true;
  } else if (opcode === 0xc4) {
    if (at + 2 >= limit) return NOTHING;
    const map = (code[at] as number) & 0x1f;
    lastOpcode = code[at + 2] as number;
    at += 3;
    vector = true;
    if (map === 1) flags = lastOpcode === 0x77 ? 0 : (VECTOR_1[lastOpcode] as number);
    else if (map === 2) flags = MODRM;
    else if (map === 3) flags = MODRM | IMM8;
    else return NOTHING;
  } else if (opcode === 0x62) {
    if (at + 3 >= limit) return NOTHING;
    const map = (code[at] as number) & 7;
    // A fixed bit: without it the bytes are none of AVX-512's.
    if (((code[at + 1] as number) & 4) === 0) return NOTHING;
    lastOpcode = code[at + 3] as number;
    at += 4;
    vector = true;
    if (map === 1) flags = VECTOR_1[lastOpcode] as number;
    else if (map === 2 || map === 5 || map === 6) flags = MODRM;
    else if (map === 3) flags = MODRM | IMM8;
    else return NOTHING;
  } else {
    flags = ONE_BYTE[opcode] as number;
  }
  if ((flags & INVALID) !== 0) return NOTHING;

  const modrmAt = at;
  if ((flags & MODRM) !== 0) {
    const length = modrmLength(code, at, limit);
    if (length === 0) return NOTHING;
    at += length;
  }
  const reg = (flags & MODRM) !== 0 ? ((code[modrmAt] as number) >> 3) & 7 : 0;
  if (!vector && opcode === 0x8f && reg !== 0) return NOTHING; // XOP
  const immZ = operandSize && !rexW ? 2 : 4;
  let relative = 0;
  if ((flags & IMM8) !== 0) at += 1;
  if ((flags & IMM16) !== 0) at += 2;
  if ((flags & IMMZ) !== 0) at += immZ;
  if ((flags & IMMV) !== 0) at += rexW ? 8 : immZ;
  if ((flags & MOFFS) !== 0) at += addressSize ? 4 : 8;
  if ((flags & GROUP3) !== 0 && reg < 2) at += lastOpcode === 0xf6 ? 1 : immZ;
  if ((flags & REL8) !== 0) relative = 1;
  if ((flags & REL32) !== 0) {
    // With an operand-size prefix the makers of processors disagree about the length.
    if (operandSize && !rexW) return NOTHING;
    relative = 4;
  }
  if (opcode === 0xc7 && code[modrmAt] === 0xf8) {
    // xbegin: its "immediate" is where an aborted transaction goes on.
    relative = immZ;
    if (relative !== 4) return NOTHING;
    at -= 4;
  }
  at += relative;
  if (at > limit) return NOTHING;
  return { length: at - start, target: relative === 0 ? undefined : at + readSigned(code, at - relative, relative) };
}
