/**
 * Reads a tar stream block by block, strictly: ustar, pax headers (path, linkpath, size) and GNU long names; every header's checksum and every
 * number is checked, a cut-off stream is refused. Files are written as they arrive, so memory does not grow with the archive.
 *
 * Left out, and refused: devices, FIFOs, sparse files, volumes. Owners and times are ignored.
 */
import { statSync } from 'node:fs';
import { ArchiveError, type ArchiveLimits } from './limits.ts';
import type { ArchiveTree, FileWriter } from './tree.ts';

const block = 512;
/** Of a pax header or a long name. */
const maxHeaderBytes = 1024 * 1024;

interface Header {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly linkName: string;
}

type Overrides = Partial<Record<'path' | 'linkpath' | 'size', string>>;

export class TarReader {
  readonly #tree: ArchiveTree;
  readonly #limits: ArchiveLimits;
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes of the current entry's content that are still to come, and of the padding behind it. */
  #left = 0;
  #padding = 0;
  #file: FileWriter | undefined;
  #text: { readonly type: string; readonly chunks: Buffer[] } | undefined;
  #global: Overrides = {};
  #next: Overrides = {};
  #zeroBlocks = 0;

  constructor(tree: ArchiveTree, limits: ArchiveLimits) {
    this.#tree = tree;
    this.#limits = limits;
  }

  write(chunk: Buffer): void {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (!this.ended && rest.length > 0) {
      if (this.#left > 0) {
        const part = rest.subarray(0, this.#left);
        this.#content(part);
        rest = rest.subarray(part.length);
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, rest.length);
        this.#padding -= skipped;
        rest = rest.subarray(skipped);
      } else {
        if (rest.length < block) break;
        this.#header(rest.subarray(0, block));
        rest = rest.subarray(block);
      }
    }
    // A copy, so that less than a block does not hold on to a whole chunk.
    this.#pending = this.ended ? Buffer.alloc(0) : Buffer.from(rest);
  }

  /** The stream is over. */
  end(): void {
    this.close();
    if (this.ended) return;
    if (this.#left > 0 || this.#pending.length > 0) throw new ArchiveError('The archive is cut off.');
  }

  /** Lets go of an open file after an error. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Two blocks of zeros end an archive; what follows is padding. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2;
  }

  #header(bytes: Buffer): void {
    if (bytes.every((byte) => byte === 0)) {
      this.#zeroBlocks += 1;
      return;
    }
    this.#zeroBlocks = 0;
    const header = this.#override(readHeader(bytes));
    this.#left = header.size;
    this.#padding = (block - (header.size % block)) % block;
    this.#begin(header);
    if (this.#left === 0) this.#finishEntry();
  }

  #override(header: Header): Header {
    if (isMeta(header.type)) return header;
    const { path, linkpath, size } = { ...this.#global, ...this.#next };
    this.#next = {};
    return {
      ...header,
      name: path ?? header.name,
      linkName: linkpath ?? header.linkName,
      size: size === undefined ? header.size : decimal(size),
    };
  }

  #begin(header: Header): void {
    const { name, type, linkName, size, mode } = header;
    if (isMeta(type)) {
      if (size > maxHeaderBytes) throw new ArchiveError('An extended header is too long.');
      this.#text = { type, chunks: [] };
      return;
    }
    if (type === '0' || type === '\0' || type === '7') {
      // Before POSIX, a folder was a file whose name ends with a slash.
      if (name.endsWith('/') && size === 0) this.#tree.addFolder(name);
      else this.#file = this.#tree.openFile(name, (mode & 0o111) !== 0);
      return;
    }
    if (size !== 0) throw new ArchiveError(`Entry '${name}' has content but is no file.`);
    if (type === '5') this.#tree.addFolder(name);
    else if (type === '2') this.#tree.addLink(name, linkName);
    else if (type === '1') this.#tree.addCopy(name, linkName, (path) => statSync(path).size);
    else throw new ArchiveError(`Entry '${name}' is neither file, folder nor link.`);
  }

  #content(part: Buffer): void {
    this.#file?.write(part);
    this.#text?.chunks.push(Buffer.from(part));
    this.#left -= part.length;
    if (this.#left === 0) this.#finishEntry();
  }

  #finishEntry(): void {
    this.close();
    const text = this.#text;
    this.#text = undefined;
    if (text === undefined) return;
    const bytes = Buffer.concat(text.chunks);
    if (text.type === 'g') this.#global = { ...this.#global, ...readPax(bytes) };
    else if (text.type === 'x') this.#next = { ...this.#next, ...readPax(bytes) };
    else this.#next = { ...this.#next, [text.type === 'L' ? 'path' : 'linkpath']: this.#longName(bytes) };
  }

  #longName(bytes: Buffer): string {
    if (bytes.length > this.#limits.pathBytes + 1) throw new ArchiveError('An entry has too long a name.');
    return untilZero(bytes);
  }
}

function isMeta(type: string): boolean {
  return type === 'x' || type === 'g' || type === 'L' || type === 'K';
}

function readHeader(bytes: Buffer): Header {
  let sum = 0;
  for (let at = 0; at < block; at += 1) sum += at >= 148 && at < 156 ? 0x20 : (bytes[at] ?? 0);
  if (sum !== number(bytes.subarray(148, 156)))
    throw new ArchiveError('A header is damaged: it is no tar archive or cut badly.');
  const isPosix = bytes.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? untilZero(bytes.subarray(345, 500)) : '';
  const name = untilZero(bytes.subarray(0, 100));
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(bytes.subarray(100, 108)),
    size: number(bytes.subarray(124, 136)),
    type: bytes.toString('latin1', 156, 157),
    linkName: untilZero(bytes.subarray(157, 257)),
  };
}

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

/** Octal text, or (GNU, first bit set) a big-endian binary number. */
function number(bytes: Buffer): number {
  const [first = 0] = bytes;
  if (first & 0x80) {
    let value = BigInt(first & 0x7f);
    for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ArchiveError('A number in a header is too large.');
    return Number(value);
  }
  const text = untilZero(bytes).trim();
  if (!/^[0-7]*$/.test(text)) throw new ArchiveError('A number in a header is damaged.');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function decimal(text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new ArchiveError('A size in an extended header is damaged.');
  return value;
}

/** Records of `<length> <key>=<value>\n`, the length in bytes counting itself. */
function readPax(bytes: Buffer): Overrides {
  const found: Overrides = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space === -1 ? Number.NaN : decimal(bytes.toString('latin1', at, space));
    const end = at + length;
    const equals = bytes.indexOf(0x3d, space);
    if (!(end <= bytes.length) || equals === -1 || equals >= end || end <= space || bytes[end - 1] !== 0x0a) {
      throw new ArchiveError('An extended header is damaged.');
    }
    const key = bytes.toString('utf8', space + 1, equals);
    if (key.startsWith('GNU.sparse')) throw new ArchiveError('Sparse files are not supported.');
    if (key === 'path' || key === 'linkpath' || key === 'size')
      found[key] = bytes.toString('utf8', equals + 1, end - 1);
    at = end;
  }
  return found;
}
