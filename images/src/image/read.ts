/**
 * Reads and verifies an image file: the hosted side's counterpart of the tender's loader, used by --inspect and the tests.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as abi from '../abi.ts';
import { ImageError } from '../errors.ts';
import { type FsFile, readFs } from '../fs/read.ts';
import { checkLayout } from './segments.ts';
import { type HashedSegment, hashSegment, type KernelSymbols } from './write.ts';

export interface Image {
  readonly size: number;
  readonly sha256: Buffer;
  readonly segments: readonly HashedSegment[];
  readonly kernel: KernelSymbols;
  readonly manifest: string;
  readonly options: readonly string[];
  readonly files: readonly FsFile[];
}

function bad(what: string): never {
  throw new ImageError('IMAGE_BAD', what);
}

export function decodeImage(bytes: Buffer): Image {
  if (bytes.length < abi.HEADER_PAGE) bad('shorter than a header');
  const header = Buffer.from(bytes.subarray(0, abi.HEADER_PAGE));
  if (header.toString('latin1', 0, 8) !== abi.IMAGE_MAGIC) bad('no image');
  if (header.readUInt32LE(8) !== abi.ABI_VERSION) bad(`ABI version ${header.readUInt32LE(8)}`);
  const u64 = (at: number): number => {
    const value = header.readBigUInt64LE(at);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : bad('a value is out of range');
  };
  const slice = (offset: number, size: number): Buffer =>
    offset + size <= bytes.length
      ? bytes.subarray(offset, offset + size)
      : bad(`${size} bytes at ${offset} lie outside`);
  if (u64(16) !== bytes.length) bad(`${bytes.length} bytes instead of ${u64(16)}`);
  const manifest = slice(u64(64), u64(72));
  const options = slice(u64(80), u64(88));
  const sha256 = Buffer.from(header.subarray(abi.HEADER_HASH_OFFSET, abi.HEADER_HASH_OFFSET + abi.HASH_SIZE));
  header.fill(0, abi.HEADER_HASH_OFFSET, abi.HEADER_HASH_OFFSET + abi.HASH_SIZE);
  if (!createHash('sha256').update(header).update(manifest).update(options).digest().equals(sha256))
    bad('the header has another hash');

  const count = header.readUInt32LE(12);
  if (count > abi.IMAGE_MAX_SEGMENTS) bad(`${count} segments`);
  const segments = Array.from({ length: count }, (_, index) => {
    const at = 128 + index * abi.SEGMENT_SIZE;
    const kind = header.readUInt32LE(at + 36);
    if (kind !== abi.SEGMENT_KERNEL && kind !== abi.SEGMENT_EXE && kind !== abi.SEGMENT_FS)
      return bad(`segment of kind ${kind}`);
    const segment = hashSegment({
      kind,
      vaddr: u64(at),
      memSize: u64(at + 8),
      prot: header.readUInt32LE(at + 32),
      bytes: slice(u64(at + 16), u64(at + 24)),
    });
    if (!segment.sha256.equals(header.subarray(at + 40, at + 72))) bad(`segment ${index} has another hash`);
    return segment;
  });
  checkLayout(segments);
  const tree = segments.find((segment) => segment.kind === abi.SEGMENT_FS);
  return {
    size: bytes.length,
    sha256,
    segments,
    kernel: { entry: u64(24), upcall: u64(32), syscallTrap: u64(40), textStart: u64(48), textEnd: u64(56) },
    manifest: manifest.toString('utf8'),
    options: options.toString('utf8').split('\0').slice(0, -1),
    files: tree === undefined ? [] : readFs(Buffer.from(tree.bytes.buffer, tree.bytes.byteOffset, tree.bytes.length)),
  };
}

export function readImage(path: string): Image {
  return decodeImage(readFileSync(path));
}
