/** Makes small ELF files for tests: program headers, a symbol table, .dynsym, and a dynamic section with names. */

export interface MakerSegment {
  readonly vaddr: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  readonly memSize?: number;
}

export interface MakerSymbol {
  readonly name: string;
  readonly value: number;
  readonly size?: number;
}

export interface MakerInput {
  readonly type?: number;
  readonly segments: readonly MakerSegment[];
  readonly symbols?: readonly MakerSymbol[];
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  /** Addends of R_X86_64_RELATIVE relocations. */
  readonly addends?: readonly number[];
}

const PAGE = 4096;

class Strings {
  #text = '\0';

  add(text: string): number {
    const at = this.#text.length;
    this.#text += `${text}\0`;
    return at;
  }

  bytes(): Buffer {
    return Buffer.from(this.#text, 'latin1');
  }
}

function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) out.writeBigInt64LE(BigInt(value), index * 8);
  return out;
}

function symbolEntries(symbols: readonly MakerSymbol[], strings: Strings): Buffer {
  const entries = symbols.map(({ name, value, size = 0 }) => {
    const entry = Buffer.alloc(24);
    entry.writeUInt32LE(strings.add(name), 0);
    entry.writeUInt8(0x12, 4); // global function
    entry.writeUInt16LE(1, 6);
    words(value, size).copy(entry, 8);
    return entry;
  });
  return Buffer.concat([Buffer.alloc(24), ...entries]);
}

export function makeElf(input: MakerInput): Buffer {
  const { segments, symbols = [], needed = [], interpreter, addends = [] } = input;
  const strings = new Strings();
  const symbolTable = symbolEntries(symbols, strings);
  const neededAt = needed.map((name) => strings.add(name));
  const interpreterBytes = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const relocations = Buffer.concat(addends.map((addend) => words(0, 8, addend)));
  const stringBytes = strings.bytes();

  const chunks: Buffer[] = [];
  let end = PAGE;
  const place = (bytes: Uint8Array, remainder: number): number => {
    const at = Math.ceil(end / PAGE) * PAGE + remainder;
    chunks.push(Buffer.alloc(at - end), Buffer.from(bytes));
    end = at + bytes.length;
    return at;
  };
  const loads = segments.map((segment) => ({ ...segment, offset: place(segment.bytes, segment.vaddr % PAGE) }));
  const highest = Math.max(...segments.map(({ vaddr, bytes, memSize = 0 }) => vaddr + Math.max(bytes.length, memSize)));
  const stringsAt = place(stringBytes, 0);
  const stringsVaddr = Math.ceil(highest / PAGE) * PAGE + PAGE;
  const symbolsAt = place(symbolTable, 0);
  const relocationsAt = place(relocations, 0);
  const interpreterAt = place(interpreterBytes, 0);
  const dynamic = Buffer.concat([
    ...neededAt.map((at) => words(1, at)),
    words(5, stringsVaddr, 10, stringBytes.length, 0, 0),
  ]);
  const dynamicAt = place(dynamic, 0);

  const header = (
    type: number,
    flags: number,
    offset: number,
    vaddr: number,
    fileSize: number,
    memSize: number,
  ): Buffer => {
    const kinds = Buffer.alloc(8);
    kinds.writeUInt32LE(type, 0);
    kinds.writeUInt32LE(flags, 4);
    return Buffer.concat([kinds, words(offset, vaddr, vaddr, fileSize, memSize, PAGE)]);
  };
  const headers = loads.map(({ flags, offset, vaddr, bytes, memSize = bytes.length }) =>
    header(1, flags, offset, vaddr, bytes.length, memSize),
  );
  if (needed.length > 0) {
    headers.push(header(1, 4, stringsAt, stringsVaddr, stringBytes.length, stringBytes.length));
    headers.push(header(2, 6, dynamicAt, 0, dynamic.length, dynamic.length));
  }
  if (interpreter !== undefined)
    headers.push(header(3, 4, interpreterAt, 0, interpreterBytes.length, interpreterBytes.length));

  const section = (type: number, offset: number, size: number, link: number): Buffer => {
    const out = Buffer.alloc(64);
    out.writeUInt32LE(type, 4);
    words(offset, size).copy(out, 24);
    out.writeUInt32LE(link, 40);
    return out;
  };
  const sections = [
    section(0, 0, 0, 0),
    section(3, stringsAt, stringBytes.length, 0),
    section(2, symbolsAt, symbolTable.length, 1),
    section(11, symbolsAt, symbolTable.length, 1),
    section(4, relocationsAt, relocations.length, 0),
  ];
  const sectionsAt = place(Buffer.concat(sections), 0);

  const first = Buffer.alloc(PAGE);
  first.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  first.writeUInt16LE(input.type ?? 2, 16);
  first.writeUInt16LE(62, 18);
  words(0, 64, sectionsAt).copy(first, 24);
  first.writeUInt16LE(56, 54);
  first.writeUInt16LE(headers.length, 56);
  first.writeUInt16LE(64, 58);
  first.writeUInt16LE(sections.length, 60);
  Buffer.concat(headers).copy(first, 64);
  return Buffer.concat([first, ...chunks]);
}
