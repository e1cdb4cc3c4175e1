/**
 * Turns the PT_LOADs of an ELF file into image segments.
 *
 * Invariant: each page of guest memory belongs to one segment. Two PT_LOADs may share a page of the file (each gets its own
 * copy), but not a page of memory: no single protection would be right for it, so such a file is refused.
 */
import * as abi from '../abi.ts';
import { type Elf, ET_EXEC, PF_R, PF_W, PF_X } from '../elf/elf.ts';
import { ImageError } from '../errors.ts';

export interface Segment {
  readonly kind: abi.SegmentKind;
  readonly vaddr: number;
  readonly memSize: number;
  readonly prot: number;
  readonly bytes: Uint8Array;
}

function protOf(flags: number): number {
  return (
    ((flags & PF_R) !== 0 ? abi.PROT_READ : 0) |
    ((flags & PF_W) !== 0 ? abi.PROT_WRITE : 0) |
    ((flags & PF_X) !== 0 ? abi.PROT_EXEC : 0)
  );
}

/** Sorted by address. As the kernel's ELF loader does, the first page also shows the file's bytes before the segment. */
export function segmentsOf(elf: Elf, kind: abi.SegmentKind): Segment[] {
  if (elf.type !== ET_EXEC) throw new ImageError('IMAGE_LAYOUT', `${elf.path} is not linked to a fixed address`);
  const segments = elf.loads().map((load) => {
    const lead = load.vaddr - abi.pageDown(load.vaddr);
    return {
      kind,
      vaddr: load.vaddr - lead,
      memSize: abi.pageUp(lead + load.memSize),
      prot: protOf(load.flags),
      bytes: load.fileSize === 0 ? new Uint8Array(0) : elf.slice(load.offset - lead, lead + load.fileSize),
    };
  });
  return segments.sort((a, b) => a.vaddr - b.vaddr);
}

/** Checks regions and overlaps over all segments of an image. */
export function checkLayout(segments: readonly Segment[]): void {
  if (segments.length > abi.IMAGE_MAX_SEGMENTS) throw new ImageError('IMAGE_LAYOUT', `${segments.length} segments`);
  const sorted = [...segments].sort((a, b) => a.vaddr - b.vaddr);
  for (const [index, segment] of sorted.entries()) {
    const end = segment.vaddr + segment.memSize;
    const where = `segment ${segment.vaddr.toString(16)}-${end.toString(16)}`;
    const [base, limit] = abi.REGIONS[segment.kind];
    if (segment.vaddr < base || end > limit) throw new ImageError('IMAGE_LAYOUT', `${where} lies outside its region`);
    if (segment.vaddr % abi.PAGE_SIZE !== 0 || segment.memSize === 0 || segment.bytes.length > segment.memSize) {
      throw new ImageError('IMAGE_LAYOUT', `${where} is malformed`);
    }
    const next = sorted[index + 1];
    if (next !== undefined && next.vaddr < end) throw new ImageError('IMAGE_LAYOUT', `${where} overlaps the next one`);
  }
}
