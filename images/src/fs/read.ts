/**
 * Reads a file tree written by write.ts, checking what it says against the bytes; used to inspect an image and to test the writer.
 */
import * as abi from '../abi.ts';
import { ImageError } from '../errors.ts';

export interface FsFile {
  readonly path: string;
  readonly mode: number;
  readonly type: 'directory' | 'file' | 'link';
  readonly content: Buffer;
  readonly sites: readonly { readonly offset: number; readonly form: number }[];
}

export function readFs(fs: Buffer): FsFile[] {
  const bad = (what: string): never => {
    throw new ImageError('IMAGE_BAD', `file tree: ${what}`);
  };
  const slice = (offset: number, size: number): Buffer =>
    offset + size <= fs.length ? fs.subarray(offset, offset + size) : bad(`${size} bytes at ${offset} lie outside`);
  const u64 = (buffer: Buffer, at: number): number => {
    const value = buffer.readBigUInt64LE(at);
    return value <= BigInt(fs.length) ? Number(value) : bad('a value lies outside');
  };
  const head = slice(0, abi.FS_HEADER_SIZE);
  if (head.toString('latin1', 0, 8) !== abi.FS_MAGIC || head.readUInt32LE(8) !== abi.FS_VERSION) bad('unknown format');
  const count = head.readUInt32LE(12);
  const entries = slice(u64(head, 16), count * abi.FS_ENTRY_SIZE);
  const names = slice(u64(head, 24), u64(head, 32));
  const sites = slice(u64(head, 40), u64(head, 48) * abi.FS_SITE_SIZE);
  const files: FsFile[] = [];
  for (let index = 0; index < count; index++) {
    const entry = entries.subarray(index * abi.FS_ENTRY_SIZE, (index + 1) * abi.FS_ENTRY_SIZE);
    const parentIndex = entry.readUInt32LE(0);
    const mode = entry.readUInt32LE(4);
    const nameAt = entry.readUInt32LE(8);
    const nameSize = entry.readUInt32LE(12);
    if (nameAt + nameSize > names.length) bad('a name lies outside');
    if (index > 0 && parentIndex >= index) bad('a parent follows its child');
    const parent = files[parentIndex];
    if (parent !== undefined && parent.type !== 'directory') bad('a parent is no directory');
    const name = names.toString('utf8', nameAt, nameAt + nameSize);
    const firstSite = entry.readUInt32LE(40);
    const siteCount = entry.readUInt32LE(44);
    if ((firstSite + siteCount) * abi.FS_SITE_SIZE > sites.length) bad('sites lie outside');
    const format = mode & abi.S_IFMT;
    const type =
      format === abi.S_IFDIR
        ? 'directory'
        : format === abi.S_IFREG
          ? 'file'
          : format === abi.S_IFLNK
            ? 'link'
            : bad('unknown mode');
    files.push({
      path: index === 0 ? '/' : `${parent?.path === '/' ? '' : parent?.path}/${name}`,
      mode,
      type,
      content: type === 'directory' ? Buffer.alloc(0) : slice(u64(entry, 16), u64(entry, 24)),
      sites: Array.from({ length: siteCount }, (_, position) => ({
        offset: sites.readUInt32LE((firstSite + position) * abi.FS_SITE_SIZE),
        form: sites.readUInt32LE((firstSite + position) * abi.FS_SITE_SIZE + 4),
      })),
    });
  }
  return files;
}
