/**
 * Writes an image file (struct ebb_image_header): header page, segments at page boundaries, manifest, options.
 *
 * Invariant: the file appears under its name complete or not at all, and equal inputs give equal bytes.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import * as abi from '../abi.ts';
import { checkLayout, type Segment } from './segments.ts';

export interface KernelSymbols {
  readonly entry: number;
  readonly upcall: number;
  readonly syscallTrap: number;
  readonly textStart: number;
  readonly textEnd: number;
}

export interface ImageParts {
  readonly segments: readonly HashedSegment[];
  readonly kernel: KernelSymbols;
  readonly manifest: string;
  readonly options: readonly string[];
}

export interface HashedSegment extends Segment {
  readonly sha256: Buffer;
}

const largePage = 2 * 1024 * 1024;

/** SHA-256 of a segment's file bytes. */
export function hashSegment(segment: Segment): HashedSegment {
  return { ...segment, sha256: createHash('sha256').update(segment.bytes).digest() };
}

export interface EncodedImage {
  /** What to write, in order; together the whole file. */
  readonly pieces: readonly Uint8Array[];
  readonly size: number;
  /** The header's hash: names the image. */
  readonly sha256: Buffer;
}

export function encodeImage({ segments, kernel, manifest, options }: ImageParts): EncodedImage {
  checkLayout(segments);
  const header = Buffer.alloc(abi.HEADER_PAGE);
  const pieces: Uint8Array[] = [header];
  let size = header.length;
  /** At the next place that is `phase` beyond a multiple of `alignment`. */
  const append = (bytes: Uint8Array, alignment: number, phase = 0): number => {
    const padding = (alignment + phase - (size % alignment)) % alignment;
    if (padding > 0) pieces.push(Buffer.alloc(padding));
    const at = size + padding;
    pieces.push(bytes);
    size = at + bytes.length;
    return at;
  };

  for (const [index, segment] of segments.entries()) {
    const at = 128 + index * abi.SEGMENT_SIZE;
    // Where the file's cached pages are large ones, so may be their mappings.
    const isLarge = segment.bytes.length >= largePage;
    const offset = append(segment.bytes, isLarge ? largePage : abi.PAGE_SIZE, isLarge ? segment.vaddr % largePage : 0);
    for (const [position, value] of [segment.vaddr, segment.memSize, offset, segment.bytes.length].entries()) {
      header.writeBigUInt64LE(BigInt(value), at + position * 8);
    }
    header.writeUInt32LE(segment.prot, at + 32);
    header.writeUInt32LE(segment.kind, at + 36);
    segment.sha256.copy(header, at + 40);
  }
  const manifestBytes = Buffer.from(manifest);
  const optionBytes = Buffer.from(options.map((option) => `${option}\0`).join(''));
  const manifestAt = append(manifestBytes, abi.PAGE_SIZE);
  const optionsAt = append(optionBytes, 8);
  // Whole pages, so that the last mapping never ends beyond the file.
  const tail = abi.pageUp(size) - size;
  if (tail > 0) append(Buffer.alloc(tail), 1);

  header.write(abi.IMAGE_MAGIC, 0, 'latin1');
  header.writeUInt32LE(abi.ABI_VERSION, 8);
  header.writeUInt32LE(segments.length, 12);
  const fields = [size, kernel.entry, kernel.upcall, kernel.syscallTrap, kernel.textStart, kernel.textEnd];
  fields.push(manifestAt, manifestBytes.length, optionsAt, optionBytes.length);
  for (const [index, value] of fields.entries()) header.writeBigUInt64LE(BigInt(value), 16 + index * 8);
  const sha256 = createHash('sha256').update(header).update(manifestBytes).update(optionBytes).digest();
  sha256.copy(header, abi.HEADER_HASH_OFFSET);
  return { pieces, size, sha256 };
}

/** Writes pieces to a file that takes its name only when it is whole. */
export function writeAtomically(path: string, pieces: readonly Uint8Array[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const fd = openSync(temporary, 'w', 0o644);
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at, piece.length - at);
    }
    fsyncSync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}
