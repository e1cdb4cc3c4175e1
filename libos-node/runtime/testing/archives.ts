/** Builds zip and tar.gz archives in memory, well-formed ones and ones that lie. */
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly data?: string | Buffer;
  /** Unix mode with file type; a regular file's when absent. */
  readonly mode?: number;
  /** 3 Unix, 0 DOS. */
  readonly host?: number;
  readonly stored?: boolean;
  readonly flags?: number;
  readonly method?: number;
  /** What the headers claim, when it is not the truth. */
  readonly size?: number;
  readonly crc?: number;
  /** Share the packed bytes of the entry of this index. */
  readonly sameAs?: number;
}

export const linkMode = 0o120777;
const fileMode = 0o100644;
const folderMode = 0o040755;

type ZipInput = readonly (ZipEntry | readonly [string, string | Buffer])[];

/** `zip64`: every size and offset in its 64-bit form. */
export function zip(entries: ZipInput, zip64 = false): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  const offsets: number[] = [];
  let at = 0;
  for (const given of entries) {
    const entry: ZipEntry = 'name' in given ? given : { name: given[0], data: given[1] };
    const data = Buffer.from(entry.data ?? '');
    const name = Buffer.from(entry.name);
    const packed = entry.stored ? data : deflateRawSync(data);
    const flags = entry.flags ?? 1 << 11;
    const method = entry.method ?? (entry.stored ? 0 : 8);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(entry.crc ?? crc32(data), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(entry.size ?? data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const offset = entry.sameAs === undefined ? at : (offsets[entry.sameAs] ?? 0);
    offsets.push(offset);
    if (entry.sameAs === undefined) {
      const header = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, packed]);
      local.push(header);
      at += header.length;
    }
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((entry.mode ?? (entry.name.endsWith('/') ? folderMode : fileMode)) << 16) >>> 0, 6);
    tail.writeUInt32LE(zip64 ? 0xffffffff : offset, 10);
    const head = Buffer.from(common);
    let extra = Buffer.alloc(0);
    if (zip64) {
      extra = Buffer.concat([
        Buffer.from([1, 0, 24, 0]),
        ...[entry.size ?? data.length, packed.length, offset].map(uint64),
      ]);
      head.fill(0xff, 14, 22);
      head.writeUInt16LE(extra.length, 24);
    }
    central.push(Buffer.from('PK\x01\x02', 'latin1'), Buffer.from([20, entry.host ?? 3]), head, tail, name, extra);
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length & 0xffff, 8);
  end.writeUInt16LE(entries.length & 0xffff, 10);
  end.writeUInt32LE(zip64 ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : at, 16);
  return Buffer.concat([...local, directory, ...(zip64 ? end64(entries.length, directory.length, at) : []), end]);
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** The zip64 end record and its locator. */
function end64(count: number, size: number, start: number): Buffer[] {
  const record = Buffer.concat([
    Buffer.from('PK\x06\x06', 'latin1'),
    uint64(44),
    Buffer.alloc(12),
    ...[count, count, size, start].map(uint64),
  ]);
  const locator = Buffer.concat([
    Buffer.from('PK\x06\x07', 'latin1'),
    Buffer.alloc(4),
    uint64(start + size),
    Buffer.from([1, 0, 0, 0]),
  ]);
  return [record, locator];
}

export interface TarEntry {
  readonly name: string;
  readonly data?: string | Buffer;
  readonly type?: string;
  readonly linkName?: string;
  readonly mode?: number;
  /** What the header claims, when it is not the truth. */
  readonly size?: number;
  readonly badChecksum?: boolean;
}

export function tar(entries: readonly (TarEntry | readonly [string, string | Buffer])[]): Buffer {
  const parts: Buffer[] = [];
  for (const given of entries) {
    const entry: TarEntry = 'name' in given ? given : { name: given[0], data: given[1] };
    const data = Buffer.from(entry.data ?? '');
    const header = Buffer.alloc(512);
    header.write(entry.name, 0, 100);
    header.write((entry.mode ?? 0o644).toString(8).padStart(7, '0'), 100);
    header.write('0000000', 108);
    header.write('0000000', 116);
    header.write((entry.size ?? data.length).toString(8).padStart(11, '0'), 124);
    header.write('00000000000', 136);
    header.write('        ', 148);
    header.write(entry.type ?? '0', 156);
    header.write(entry.linkName ?? '', 157, 100);
    header.write('ustar\x0000', 257, 'latin1');
    const sum = header.reduce((total, byte) => total + byte, entry.badChecksum ? 1 : 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    parts.push(header, data, Buffer.alloc((512 - (data.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

export function tarGz(entries: Parameters<typeof tar>[0]): Buffer {
  return gzipSync(tar(entries));
}

/** Data of a pax header ('x' or 'g') with these values. */
export function pax(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => {
      const rest = Buffer.byteLength(` ${key}=${value}\n`);
      let length = rest + 1;
      while (String(length).length + rest !== length) length = String(length).length + rest;
      return `${length} ${key}=${value}\n`;
    })
    .join('');
}
