/**
 * The part of libos-node/abi/ebb_abi.h that an image file consists of. The header is the truth; abi.test.ts compares every
 * number here with it.
 */

export const ABI_VERSION = 2;
export const PAGE_SIZE = 0x1000;
export const EXE_BASE = 0x400000;
export const EXE_END = 0x10000000;
export const KERNEL_BASE = 0x10000000;
export const KERNEL_END = 0x11000000;
export const FS_BASE = 0x14000000;
export const FS_END = 0x20000000;

export const IMAGE_MAGIC = 'EBBIMAGE';
export const SEGMENT_KERNEL = 1;
export const SEGMENT_EXE = 2;
export const SEGMENT_FS = 3;
export type SegmentKind = typeof SEGMENT_KERNEL | typeof SEGMENT_EXE | typeof SEGMENT_FS;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;
export const IMAGE_MAX_SEGMENTS = 48;
export const SEGMENT_SIZE = 72;
export const HEADER_SIZE = 128 + SEGMENT_SIZE * IMAGE_MAX_SEGMENTS;
/** The header's own hash covers these bytes with the hash field zero. */
export const HEADER_PAGE = 4096;
export const HEADER_HASH_OFFSET = 96;
export const HASH_SIZE = 32;

export const FS_MAGIC = 'EBBFSIMG';
export const FS_VERSION = 1;
export const FS_HEADER_SIZE = 56;
export const FS_ENTRY_SIZE = 48;
export const FS_SITE_SIZE = 8;

export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

export function pageUp(value: number): number {
  return Math.ceil(value / PAGE_SIZE) * PAGE_SIZE;
}

export function pageDown(value: number): number {
  return Math.floor(value / PAGE_SIZE) * PAGE_SIZE;
}

/** The region of the address map that a segment kind must lie in. */
export const REGIONS: Readonly<Record<SegmentKind, readonly [base: number, end: number]>> = {
  [SEGMENT_KERNEL]: [KERNEL_BASE, KERNEL_END],
  [SEGMENT_EXE]: [EXE_BASE, EXE_END],
  [SEGMENT_FS]: [FS_BASE, FS_END],
};

/** The forms of enum ebb_site_form: what the LibOS knows how to redirect. */
export const SITE_FORMS: readonly number[] = [1, 2, 3, 4];
