/**
 * Reads a zip archive from memory, strictly: the central directory is the truth, every number in it is checked against
 * the file's bounds, sizes and checksums must come out as declared, and no two entries may share packed bytes (which is how small
 * archives unpack to petabytes). Nothing is written before the whole directory was checked.
 *
 * Own code and not a library: the ones there are either hide the attributes that tell a symbolic link, or skip the checksum,
 * or take an event-loop turn per entry; and a package of the runtime's own would be one that actions could require.
 * Left out: encryption, split archives, methods but stored and deflate.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import { ArchiveError, type ArchiveLimits, checkUnpacked } from './limits.ts';
import type { ArchiveTree } from './tree.ts';

const endSignature = 0x06054b50;
const endSize = 22;
const end64Signature = 0x06064b50;
const end64LocatorSignature = 0x07064b50;
const end64LocatorSize = 20;
const end64Size = 56;
const centralSignature = 0x02014b50;
const centralSize = 46;
const localSignature = 0x04034b50;
const localSize = 30;
const maxComment = 0xffff;

const flagEncrypted = 1;
const flagUtf8 = 1 << 11;
const methodStored = 0;
const methodDeflate = 8;
const madeByUnix = 3;
const madeByMac = 19;
const fileTypeMask = 0o170000;
const fileTypeLink = 0o120000;
const fileTypeFolder = 0o040000;
const fileTypeFile = 0o100000;

interface Entry {
  readonly name: string;
  readonly type: 'file' | 'folder' | 'link';
  readonly executable: boolean;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  /** Of the packed bytes. */
  readonly start: number;
  /** Of the local header. */
  readonly headerStart: number;
}

export function unpackZip(archive: Buffer, tree: ArchiveTree, limits: ArchiveLimits): void {
  const entries = readDirectory(archive, limits);
  checkOverlap(entries);
  checkUnpacked(
    entries.reduce((sum, entry) => sum + entry.size, 0),
    archive.length,
    limits,
  );
  for (const entry of entries) {
    if (entry.type === 'folder') {
      tree.addFolder(entry.name);
    } else if (entry.type === 'link') {
      if (entry.size > limits.pathBytes) throw new ArchiveError(`Link '${entry.name}' has a bad target.`);
      tree.addLink(entry.name, contentOf(archive, entry).toString());
    } else {
      const writer = tree.openFile(entry.name, entry.executable);
      try {
        writer.write(contentOf(archive, entry));
      } finally {
        writer.close();
      }
    }
  }
}

function contentOf(archive: Buffer, entry: Entry): Buffer {
  const packed = archive.subarray(entry.start, entry.start + entry.packedSize);
  const content = entry.method === methodStored ? packed : inflate(packed, entry);
  if (content.length !== entry.size || crc32(content) !== entry.crc)
    throw new ArchiveError(`Entry '${entry.name}' is damaged.`);
  return content;
}

function inflate(packed: Buffer, entry: Entry): Buffer {
  if (entry.size === 0) return Buffer.alloc(0);
  try {
    return inflateRawSync(packed, { maxOutputLength: entry.size });
  } catch (error) {
    throw new ArchiveError(`Entry '${entry.name}' is damaged: ${(error as Error).message}.`);
  }
}

function readDirectory(archive: Buffer, limits: ArchiveLimits): Entry[] {
  const { count, start, size, end } = findDirectory(archive);
  if (count > limits.entries) throw new ArchiveError(`The archive has more than ${limits.entries} entries.`);
  if (start + size > end) throw new ArchiveError('The central directory is out of bounds.');
  const entries: Entry[] = [];
  let at = start;
  for (let index = 0; index < count; index += 1) {
    if (at + centralSize > end || archive.readUInt32LE(at) !== centralSignature) {
      throw new ArchiveError('The central directory is damaged.');
    }
    const length =
      centralSize + archive.readUInt16LE(at + 28) + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
    if (at + length > end) throw new ArchiveError('The central directory is damaged.');
    entries.push(readEntry(archive, archive.subarray(at, at + length), start));
    at += length;
  }
  // The count is kept modulo 65536 by writers that do not know zip64.
  if (at !== start + size) throw new ArchiveError('The central directory is damaged.');
  return entries;
}

/** Where the central directory lies; `end` is where the end records begin. */
function findDirectory(archive: Buffer): { count: number; start: number; size: number; end: number } {
  const last = archive.length - endSize;
  for (let at = last; at >= 0 && at >= last - maxComment; at -= 1) {
    if (archive.readUInt32LE(at) !== endSignature || at + endSize + archive.readUInt16LE(at + 20) !== archive.length)
      continue;
    const found = {
      count: archive.readUInt16LE(at + 10),
      size: archive.readUInt32LE(at + 12),
      start: archive.readUInt32LE(at + 16),
      end: at,
    };
    const is64 = found.count === 0xffff || found.size === 0xffffffff || found.start === 0xffffffff;
    return is64 ? findDirectory64(archive, at) : found;
  }
  throw new ArchiveError('The archive has no end record: it is cut off or no zip archive.');
}

function findDirectory64(archive: Buffer, end: number): { count: number; start: number; size: number; end: number } {
  const locator = end - end64LocatorSize;
  if (locator < 0 || archive.readUInt32LE(locator) !== end64LocatorSignature)
    throw new ArchiveError('The zip64 locator is missing.');
  const at = readSize64(archive, locator + 8);
  if (at + end64Size > locator || archive.readUInt32LE(at) !== end64Signature)
    throw new ArchiveError('The zip64 record is damaged.');
  return {
    count: readSize64(archive, at + 32),
    size: readSize64(archive, at + 40),
    start: readSize64(archive, at + 48),
    end: at,
  };
}

function readEntry(archive: Buffer, record: Buffer, directoryStart: number): Entry {
  const flags = record.readUInt16LE(8);
  const nameLength = record.readUInt16LE(28);
  const host = record.readUInt8(5);
  const name = decodeName(record.subarray(centralSize, centralSize + nameLength), flags, host);
  if (flags & flagEncrypted) throw new ArchiveError(`Entry '${name}' is encrypted.`);
  const method = record.readUInt16LE(10);
  if (method !== methodStored && method !== methodDeflate) {
    throw new ArchiveError(`Entry '${name}' is packed by method ${method}, which is not supported.`);
  }
  const extra = record.subarray(centralSize + nameLength, centralSize + nameLength + record.readUInt16LE(30));
  const { size, packedSize, headerStart } = readSizes(record, extra);
  const start = findContent(archive, headerStart, directoryStart);
  if (start + packedSize > directoryStart) throw new ArchiveError(`Entry '${name}' is out of bounds.`);
  if (method === methodStored && size !== packedSize) throw new ArchiveError(`Entry '${name}' is damaged.`);
  const mode = host === madeByUnix || host === madeByMac ? record.readUInt32LE(38) >>> 16 : 0;
  return {
    name,
    type: typeOf(name, mode),
    executable: (mode & 0o111) !== 0,
    method,
    crc: record.readUInt32LE(16),
    packedSize,
    size,
    start,
    headerStart,
  };
}

function typeOf(name: string, mode: number): Entry['type'] {
  const kind = mode & fileTypeMask;
  if (kind === fileTypeLink) return 'link';
  if (kind === fileTypeFolder || name.endsWith('/')) return 'folder';
  if (kind !== 0 && kind !== fileTypeFile)
    throw new ArchiveError(`Entry '${name}' is neither file, folder nor symbolic link.`);
  return 'file';
}

/** UTF-8, as the flag or the bytes say; else bytes as Latin-1, which loses no distinction. DOS hosts may separate by backslashes. */
function decodeName(bytes: Buffer, flags: number, host: number): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    if (flags & flagUtf8) throw new ArchiveError('An entry has a name that is not UTF-8.');
    name = bytes.toString('latin1');
  }
  return host === madeByUnix || host === madeByMac ? name : name.replaceAll('\\', '/');
}

/** Sizes and offset of a directory record; those that do not fit are in its zip64 field, in this order. */
function readSizes(record: Buffer, extra: Buffer): { size: number; packedSize: number; headerStart: number } {
  let field: Buffer = Buffer.alloc(0);
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) field = extra.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  let used = 0;
  const read = (offset: number): number => {
    const value = record.readUInt32LE(offset);
    if (value !== 0xffffffff) return value;
    used += 8;
    if (used > field.length) throw new ArchiveError('A zip64 field is damaged.');
    return readSize64(field, used - 8);
  };
  const size = read(24);
  const packedSize = read(20);
  const headerStart = read(42);
  return { size, packedSize, headerStart };
}

function readSize64(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ArchiveError('The archive is damaged.');
  return Number(value);
}

/** Where the packed bytes begin: the local header repeats the name and may have another extra field than the directory. */
function findContent(archive: Buffer, header: number, limit: number): number {
  if (header + localSize > limit || archive.readUInt32LE(header) !== localSignature)
    throw new ArchiveError('A local header is damaged.');
  return header + localSize + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
}

function checkOverlap(entries: readonly Entry[]): void {
  let end = 0;
  for (const entry of entries.toSorted((a, b) => a.headerStart - b.headerStart)) {
    if (entry.headerStart < end) throw new ArchiveError(`Entry '${entry.name}' overlaps another one.`);
    end = entry.start + entry.packedSize;
  }
}
