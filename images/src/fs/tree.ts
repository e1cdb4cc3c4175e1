/**
 * The file tree of an image while it is put together: directories, regular files and symbolic links by absolute path.
 *
 * Invariant: every path is normal (no `.`, `..`, empty or over-long part) and its parents are directories of the tree, so what is
 * written from it is a tree. Leaves out owners (all root), times (all 0) and hard links.
 */
import { S_IFDIR, S_IFLNK, S_IFREG } from '../abi.ts';
import type { Site } from '../elf/sites.ts';
import { ImageError } from '../errors.ts';

export type FsNode =
  | { readonly type: 'directory'; readonly mode: number; readonly children: Map<string, FsNode> }
  | { readonly type: 'file'; readonly mode: number; readonly content: Uint8Array; readonly sites: readonly Site[] }
  | { readonly type: 'link'; readonly mode: number; readonly target: string };

export type DirectoryNode = Extract<FsNode, { type: 'directory' }>;

const MAX_NAME = 255;

function directory(permissions: number): DirectoryNode {
  return { type: 'directory', mode: S_IFDIR | permissions, children: new Map() };
}

function partsOf(path: string): string[] {
  const parts = path.split('/').slice(1);
  const isBad = (part: string): boolean =>
    part === '' || part === '.' || part === '..' || part.includes('\0') || Buffer.byteLength(part) > MAX_NAME;
  if (!path.startsWith('/') || parts.some(isBad))
    throw new ImageError('IMAGE_FS_BAD', `bad path ${JSON.stringify(path)}`);
  return parts;
}

export class FsTree {
  readonly root: DirectoryNode = directory(0o755);

  /** Makes the directory, and its parents with mode 755; an existing one gets the mode given. */
  addDirectory(path: string, permissions = 0o755): void {
    const parts = partsOf(path);
    const name = parts.pop() as string;
    const parent = this.#parent(parts, path);
    const existing = parent.children.get(name);
    if (existing !== undefined && existing.type !== 'directory')
      throw new ImageError('IMAGE_FS_BAD', `${path} is no directory`);
    const children = existing?.children ?? new Map<string, FsNode>();
    parent.children.set(name, { type: 'directory', mode: S_IFDIR | permissions, children });
  }

  addFile(path: string, content: Uint8Array | string, permissions = 0o644, sites: readonly Site[] = []): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#add(path, { type: 'file', mode: S_IFREG | permissions, content: bytes, sites });
  }

  addLink(path: string, target: string): void {
    this.#add(path, { type: 'link', mode: S_IFLNK | 0o777, target });
  }

  has(path: string): boolean {
    let node: FsNode | undefined = this.root;
    for (const part of partsOf(path)) node = node?.type === 'directory' ? node.children.get(part) : undefined;
    return node !== undefined;
  }

  #add(path: string, node: FsNode): void {
    const parts = partsOf(path);
    const name = parts.pop() as string;
    const parent = this.#parent(parts, path);
    if (parent.children.has(name)) throw new ImageError('IMAGE_FS_BAD', `${path} comes twice`);
    parent.children.set(name, node);
  }

  #parent(parts: readonly string[], path: string): DirectoryNode {
    let node = this.root;
    for (const part of parts) {
      let child = node.children.get(part);
      if (child === undefined) {
        child = directory(0o755);
        node.children.set(part, child);
      }
      if (child.type !== 'directory') throw new ImageError('IMAGE_FS_BAD', `a parent of ${path} is no directory`);
      node = child;
    }
    return node;
  }
}
