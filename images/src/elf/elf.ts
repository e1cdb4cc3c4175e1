/**
 * Reader for 64-bit little-endian x86 ELF files: program headers, dynamic section, symbols.
 *
 * Invariant: every offset is checked against the file before use; a file that lies about itself is an IMAGE_ELF_BAD error.
 * Leaves out relocations beyond what sites.ts needs and everything about other machines.
 */
import { ImageError } from '../errors.ts';

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_GNU_EH_FRAME = 0x6474e550;
export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;
export const ET_EXEC = 2;
export const ET_DYN = 3;

const SHT_SYMTAB = 2;
const SHT_RELA = 4;
const SHT_DYNSYM = 11;
const STT_FUNC = 2;
const STT_FILE = 4;
const STT_GNU_IFUNC = 10;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SONAME = 14;

export interface ProgramHeader {
  /** File offset of the header itself. */
  readonly at: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly fileSize: number;
  readonly memSize: number;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly isFunction: boolean;
  /** The name of a source file, to which the local symbols after it belong. */
  readonly isFile: boolean;
  readonly isLocal: boolean;
  readonly isDefined: boolean;
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export class Elf {
  readonly bytes: Buffer;
  readonly path: string;
  readonly type: number;
  readonly entry: number;
  readonly programHeaders: readonly ProgramHeader[];
  readonly #sections: readonly Section[];

  constructor(bytes: Buffer, path: string) {
    this.bytes = bytes;
    this.path = path;
    const ident = bytes.length >= 64 ? bytes.toString('latin1', 0, 6) : '';
    if (ident !== '\x7fELF\x02\x01') this.fail('no 64-bit little-endian ELF header');
    if (bytes.readUInt16LE(18) !== 62) this.fail('not for x86-64');
    this.type = bytes.readUInt16LE(16);
    this.entry = this.u64(24);
    this.programHeaders = this.#readProgramHeaders();
    this.#sections = this.#readSections();
  }

  fail(what: string): never {
    throw new ImageError('IMAGE_ELF_BAD', `${this.path}: ${what}`);
  }

  /** A 64-bit field as a number: addresses and sizes beyond 2^53 are not ours. */
  u64(offset: number): number {
    this.slice(offset, 8);
    const value = this.bytes.readBigUInt64LE(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`value out of range at ${offset}`);
    return Number(value);
  }

  slice(offset: number, size: number): Buffer {
    if (!(offset >= 0 && size >= 0 && offset + size <= this.bytes.length))
      this.fail(`${size} bytes at ${offset} lie outside`);
    return this.bytes.subarray(offset, offset + size);
  }

  loads(): ProgramHeader[] {
    return this.programHeaders.filter((header) => header.type === PT_LOAD && header.memSize > 0);
  }

  /** File offset of the byte that is mapped at `vaddr`; undefined when no file byte is. */
  fileOffset(vaddr: number): number | undefined {
    const load = this.loads().find((header) => vaddr >= header.vaddr && vaddr < header.vaddr + header.fileSize);
    return load === undefined ? undefined : load.offset + (vaddr - load.vaddr);
  }

  interpreter(): string | undefined {
    const header = this.programHeaders.find((candidate) => candidate.type === PT_INTERP);
    if (header === undefined) return undefined;
    return this.slice(header.offset, header.fileSize).toString('latin1').replace(/\0+$/, '');
  }

  needed(): string[] {
    return this.#dynamicStrings(DT_NEEDED);
  }

  soname(): string | undefined {
    return this.#dynamicStrings(DT_SONAME)[0];
  }

  symbols(table: 'symtab' | 'dynsym'): ElfSymbol[] {
    const section = this.#sections.find(
      (candidate) => candidate.type === (table === 'symtab' ? SHT_SYMTAB : SHT_DYNSYM),
    );
    if (section === undefined) return [];
    const strings = this.#sections[section.link];
    if (strings === undefined) return this.fail('symbol table without strings');
    const names = this.slice(strings.offset, strings.size);
    const entries = this.slice(section.offset, section.size);
    const symbols: ElfSymbol[] = [];
    for (let at = 0; at + 24 <= entries.length; at += 24) {
      const info = entries.readUInt8(at + 4);
      const type = info & 15;
      symbols.push({
        name: this.#string(names, entries.readUInt32LE(at)),
        value: this.u64(section.offset + at + 8),
        size: this.u64(section.offset + at + 16),
        isFunction: type === STT_FUNC || type === STT_GNU_IFUNC,
        isFile: type === STT_FILE,
        isLocal: info >> 4 === 0,
        isDefined: entries.readUInt16LE(at + 6) !== 0,
      });
    }
    return symbols;
  }

  /** Addends of all RELA entries: addresses that the file makes known as data, code pointers among them. */
  relocationAddends(): number[] {
    const addends: number[] = [];
    for (const section of this.#sections) {
      if (section.type !== SHT_RELA) continue;
      const entries = this.slice(section.offset, section.size);
      for (let at = 0; at + 24 <= entries.length; at += 24) addends.push(Number(entries.readBigInt64LE(at + 16)));
    }
    return addends;
  }

  #readProgramHeaders(): ProgramHeader[] {
    const start = this.u64(32);
    const count = this.bytes.readUInt16LE(56);
    if (this.bytes.readUInt16LE(54) !== 56) this.fail('unknown size of program headers');
    this.slice(start, count * 56);
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * 56;
      const header = {
        at,
        type: this.bytes.readUInt32LE(at),
        flags: this.bytes.readUInt32LE(at + 4),
        offset: this.u64(at + 8),
        vaddr: this.u64(at + 16),
        fileSize: this.u64(at + 32),
        memSize: this.u64(at + 40),
      };
      if (header.type === PT_LOAD) {
        this.slice(header.offset, header.fileSize);
        if (header.fileSize > header.memSize) this.fail('a segment is larger in the file than in memory');
        if (header.offset % 4096 !== header.vaddr % 4096) this.fail('a segment cannot be mapped by pages');
      }
      return header;
    });
  }

  #readSections(): Section[] {
    const start = this.u64(40);
    const count = this.bytes.readUInt16LE(60);
    if (start === 0 || count === 0) return [];
    if (this.bytes.readUInt16LE(58) !== 64) this.fail('unknown size of section headers');
    this.slice(start, count * 64);
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * 64;
      return {
        type: this.bytes.readUInt32LE(at + 4),
        offset: this.u64(at + 24),
        size: this.u64(at + 32),
        link: this.bytes.readUInt32LE(at + 40),
      };
    });
  }

  #dynamicStrings(tag: number): string[] {
    const header = this.programHeaders.find((candidate) => candidate.type === PT_DYNAMIC);
    if (header === undefined) return [];
    const entries: { tag: number; value: number }[] = [];
    this.slice(header.offset, header.fileSize);
    for (let at = header.offset; at + 16 <= header.offset + header.fileSize; at += 16) {
      const entryTag = this.bytes.readBigUInt64LE(at);
      if (entryTag === 0n) break;
      // Tags of the GNU ranges are of no interest here, and some hold values beyond a safe integer.
      if (entryTag <= 64n) entries.push({ tag: Number(entryTag), value: this.u64(at + 8) });
    }
    const table = entries.find((entry) => entry.tag === DT_STRTAB);
    const size = entries.find((entry) => entry.tag === DT_STRSZ);
    const wanted = entries.filter((entry) => entry.tag === tag);
    if (wanted.length === 0) return [];
    const offset = table === undefined ? undefined : this.fileOffset(table.value);
    if (offset === undefined || size === undefined) return this.fail('dynamic section without strings');
    const names = this.slice(offset, size.value);
    return wanted.map((entry) => this.#string(names, entry.value));
  }

  #string(names: Buffer, at: number): string {
    const end = at < names.length ? names.indexOf(0, at) : -1;
    if (end < 0) return this.fail('a name lies outside its table');
    return names.toString('latin1', at, end);
  }
}
