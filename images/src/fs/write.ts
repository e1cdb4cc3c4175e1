/**
 * Writes a file tree in the format of struct ebb_fs_header: entries breadth-first and sorted by name, then names, sites, link
 * targets, and each file's content at a page boundary.
 *
 * Invariant: the bytes depend on the tree's content alone, not on the order in which it was put together.
 */
import * as abi from '../abi.ts';
import { ImageError } from '../errors.ts';
import type { FsNode, FsTree } from './tree.ts';

interface Row {
  readonly node: FsNode;
  readonly name: Buffer;
  readonly parent: number;
}

/** Breadth-first: a parent precedes its children, and the children of one directory stand together, in byte order. */
function rowsOf(tree: FsTree): Row[] {
  const rows: Row[] = [{ node: tree.root, name: Buffer.alloc(0), parent: 0 }];
  for (let index = 0; index < rows.length; index++) {
    const { node } = rows[index] as Row;
    if (node.type !== 'directory') continue;
    const children = [...node.children].map(([name, child]) => ({
      node: child,
      name: Buffer.from(name),
      parent: index,
    }));
    rows.push(...children.sort((a, b) => Buffer.compare(a.name, b.name)));
  }
  return rows;
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

export function writeFs(tree: FsTree): Buffer {
  const rows = rowsOf(tree);
  const siteCount = rows.reduce((sum, { node }) => sum + (node.type === 'file' ? node.sites.length : 0), 0);
  const entriesOffset = align(abi.FS_HEADER_SIZE, 8);
  const namesOffset = entriesOffset + rows.length * abi.FS_ENTRY_SIZE;
  const namesSize = rows.reduce((sum, { name }) => sum + name.length, 0);
  const sitesOffset = align(namesOffset + namesSize, 8);
  const linksOffset = sitesOffset + siteCount * abi.FS_SITE_SIZE;

  let end = linksOffset;
  const dataOffsets = rows.map(({ node }) => {
    if (node.type !== 'link') return 0;
    const at = end;
    end += Buffer.byteLength(node.target);
    return at;
  });
  for (const [index, { node }] of rows.entries()) {
    if (node.type !== 'file') continue;
    end = abi.pageUp(end);
    dataOffsets[index] = end;
    end += node.content.length;
  }
  const size = abi.pageUp(end);
  if (size > abi.FS_END - abi.FS_BASE) throw new ImageError('IMAGE_LAYOUT', `the file tree has ${size} bytes`);

  const out = Buffer.alloc(size);
  out.write(abi.FS_MAGIC, 0, 'latin1');
  out.writeUInt32LE(abi.FS_VERSION, 8);
  out.writeUInt32LE(rows.length, 12);
  const head = [entriesOffset, namesOffset, namesSize, sitesOffset, siteCount];
  for (const [index, value] of head.entries()) out.writeBigUInt64LE(BigInt(value), 16 + index * 8);

  let nameAt = 0;
  let site = 0;
  for (const [index, { node, name, parent }] of rows.entries()) {
    const at = entriesOffset + index * abi.FS_ENTRY_SIZE;
    const dataOffset = dataOffsets[index] as number;
    let dataSize = 0;
    let sites = 0;
    if (node.type === 'link') {
      dataSize = out.write(node.target, dataOffset);
    } else if (node.type === 'file') {
      dataSize = node.content.length;
      out.set(node.content, dataOffset);
      sites = node.sites.length;
      for (const [position, { offset, form }] of node.sites.entries()) {
        out.writeUInt32LE(offset, sitesOffset + (site + position) * abi.FS_SITE_SIZE);
        out.writeUInt32LE(form, sitesOffset + (site + position) * abi.FS_SITE_SIZE + 4);
      }
    }
    out.writeUInt32LE(parent, at);
    out.writeUInt32LE(node.mode, at + 4);
    out.writeUInt32LE(nameAt, at + 8);
    out.writeUInt32LE(name.length, at + 12);
    out.writeBigUInt64LE(BigInt(dataOffset), at + 16);
    out.writeBigUInt64LE(BigInt(dataSize), at + 24);
    out.writeBigUInt64LE(0n, at + 32);
    out.writeUInt32LE(sites === 0 ? 0 : site, at + 40);
    out.writeUInt32LE(sites, at + 44);
    out.set(name, namesOffset + nameAt);
    nameAt += name.length;
    site += sites;
  }
  return out;
}
