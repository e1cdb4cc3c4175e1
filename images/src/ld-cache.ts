/**
 * Writes the guest's /etc/ld.so.cache, in glibc's format "glibc-ld.so.cache1.1": with it each library is found by one open,
 * whatever folders the machine's ld.so was built to search.
 *
 * Invariant: entries are in the order that ld.so's binary search expects (descending by its own comparison).
 */

export interface CacheEntry {
  readonly name: string;
  readonly path: string;
}

const HEADER_SIZE = 48;
const ENTRY_SIZE = 24;
const LITTLE_ENDIAN = 2;
/** An ELF library for glibc, x86-64. */
const ENTRY_FLAGS = 0x0303;

/** ld.so's _dl_cache_libcmp: runs of digits compare as numbers. */
export function compareNames(a: string, b: string): number {
  const isDigit = (code: number): boolean => code >= 48 && code <= 57;
  let i = 0;
  let j = 0;
  while (i < a.length) {
    const x = a.charCodeAt(i);
    const y = j < b.length ? b.charCodeAt(j) : 0;
    if (isDigit(x)) {
      if (!isDigit(y)) return 1;
      let left = 0;
      let right = 0;
      while (i < a.length && isDigit(a.charCodeAt(i))) left = left * 10 + a.charCodeAt(i++) - 48;
      while (j < b.length && isDigit(b.charCodeAt(j))) right = right * 10 + b.charCodeAt(j++) - 48;
      if (left !== right) return left - right;
    } else if (isDigit(y)) {
      return -1;
    } else {
      if (x !== y) return x - y;
      i++;
      j++;
    }
  }
  return j < b.length ? -b.charCodeAt(j) : 0;
}

export function writeLdCache(entries: readonly CacheEntry[]): Buffer {
  const sorted = [...entries].sort((a, b) => compareNames(b.name, a.name));
  const strings: Buffer[] = [];
  let stringsAt = HEADER_SIZE + sorted.length * ENTRY_SIZE;
  const addString = (text: string): number => {
    const bytes = Buffer.from(`${text}\0`);
    const at = stringsAt;
    strings.push(bytes);
    stringsAt += bytes.length;
    return at;
  };
  const head = Buffer.alloc(stringsAt);
  for (const [index, entry] of sorted.entries()) {
    const at = HEADER_SIZE + index * ENTRY_SIZE;
    head.writeInt32LE(ENTRY_FLAGS, at);
    head.writeUInt32LE(addString(entry.name), at + 4);
    head.writeUInt32LE(addString(entry.path), at + 8);
  }
  head.write('glibc-ld.so.cache1.1', 0, 'latin1');
  head.writeUInt32LE(sorted.length, 20);
  head.writeUInt32LE(stringsAt - head.length, 24);
  head.writeUInt8(LITTLE_ENDIAN, 28);
  return Buffer.concat([head, ...strings]);
}
