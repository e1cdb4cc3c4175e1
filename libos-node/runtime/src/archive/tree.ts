/**
 * The files of one archive on their way into one folder.
 *
 * Invariant: nothing outside of the folder is created, changed or reachable through a link that was made here. It holds because the folder is
 * new and nobody else's, names are checked part by part, no link exists before `finish` (so no write can follow one),
 * and every link's target is resolved in memory over the archive's own links before any of them is made.
 */
import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ArchiveError, type ArchiveLimits, checkUnpacked } from './limits.ts';

type Node =
  | { readonly type: 'folder' }
  | { readonly type: 'file' }
  | { readonly type: 'link'; readonly target: string };

const maxLinkSteps = 40;
const maxNameBytes = 255;
const folderNode: Node = { type: 'folder' };
const fileNode: Node = { type: 'file' };

export class ArchiveTree {
  readonly #root: string;
  readonly #limits: ArchiveLimits;
  readonly #packed: number;
  readonly #nodes = new Map<string, Node>([['', folderNode]]);
  #entries = 0;
  #unpacked = 0;

  /** `packed`: size of the archive in bytes. */
  constructor(root: string, packed: number, limits: ArchiveLimits) {
    this.#root = root;
    this.#packed = packed;
    this.#limits = limits;
  }

  addFolder(name: string): void {
    const path = this.#path(name);
    this.#makeFolder(path);
  }

  /** Opens a file for writing; an earlier file of the same name is replaced, as archivers do when they append. */
  openFile(name: string, executable: boolean): FileWriter {
    this.#count();
    const path = this.#newPath(name);
    if ((this.#nodes.get(path) ?? fileNode).type !== 'file') throw clash(path);
    this.#nodes.set(path, fileNode);
    const target = join(this.#root, path);
    const descriptor = openSync(target, 'w', 0o644);
    return {
      write: (bytes) => {
        this.#unpacked += bytes.length;
        checkUnpacked(this.#unpacked, this.#packed, this.#limits);
        for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
      },
      close: () => {
        closeSync(descriptor);
        if (executable) chmodSync(target, 0o755);
      },
    };
  }

  /** A hard link is unpacked as a copy: the file that it names must have come before. */
  addCopy(name: string, original: string, size: (path: string) => number): void {
    this.#count();
    const from = this.#path(original);
    const path = this.#newPath(name);
    if (this.#nodes.get(from)?.type !== 'file') throw new ArchiveError(`Link '${path}' names no earlier file.`);
    if (this.#nodes.has(path)) throw clash(path);
    this.#unpacked += size(join(this.#root, from));
    checkUnpacked(this.#unpacked, this.#packed, this.#limits);
    copyFileSync(join(this.#root, from), join(this.#root, path));
    this.#nodes.set(path, fileNode);
  }

  addLink(name: string, target: string): void {
    this.#count();
    const path = this.#newPath(name);
    if (this.#nodes.has(path)) throw clash(path);
    if (target === '' || target.includes('\0') || Buffer.byteLength(target) > this.#limits.pathBytes) {
      throw new ArchiveError(`Link '${path}' has a bad target.`);
    }
    this.#nodes.set(path, { type: 'link', target });
  }

  /** Checks and makes the links. */
  finish(): void {
    const links = [...this.#nodes].filter(([, node]) => node.type === 'link');
    for (const [path] of links) this.#checkLink(path);
    for (const [path, node] of links) if (node.type === 'link') symlinkSync(node.target, join(this.#root, path));
  }

  #count(): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries)
      throw new ArchiveError(`The archive has more than ${this.#limits.entries} entries.`);
  }

  /** The normal form of an entry's name: parts joined by single slashes; '' is the root. */
  #path(name: string): string {
    if (Buffer.byteLength(name) > this.#limits.pathBytes) throw new ArchiveError('An entry has too long a name.');
    if (name.includes('\0')) throw new ArchiveError('An entry has a zero byte in its name.');
    if (name.startsWith('/')) throw new ArchiveError(`Entry '${name}' has an absolute name.`);
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    for (const part of parts) {
      if (part === '..') throw new ArchiveError(`Entry '${name}' points out of the folder.`);
      if (Buffer.byteLength(part) > maxNameBytes) throw new ArchiveError('An entry has too long a name.');
    }
    return parts.join('/');
  }

  /** The path of something that is no folder, its parent made. */
  #newPath(name: string): string {
    const path = this.#path(name);
    if (path === '') throw new ArchiveError(`Entry '${name}' has no name.`);
    const parent = dirname(path);
    if (parent !== '.') this.#makeFolder(parent);
    return path;
  }

  #makeFolder(path: string): void {
    const node = this.#nodes.get(path);
    if (node !== undefined) {
      if (node.type !== 'folder') throw clash(path);
      return;
    }
    const parent = dirname(path);
    if (parent !== '.') this.#makeFolder(parent);
    this.#count();
    mkdirSync(join(this.#root, path));
    this.#nodes.set(path, folderNode);
  }

  /** Walks a link's target as the kernel would, over the links of the archive: it must stay below the root at every step. */
  #checkLink(path: string): void {
    const outside = () => new ArchiveError(`Link '${path}' points out of the folder.`);
    const rest = path.split('/').reverse();
    const at: string[] = [];
    let steps = 0;
    for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (at.pop() === undefined) throw outside();
        continue;
      }
      at.push(part);
      const node = this.#nodes.get(at.join('/'));
      if (node?.type !== 'link') continue;
      if (node.target.startsWith('/')) throw outside();
      steps += 1;
      if (steps > maxLinkSteps) throw new ArchiveError(`Link '${path}' is part of a loop.`);
      at.pop();
      rest.push(...node.target.split('/').reverse());
    }
  }
}

export interface FileWriter {
  write(bytes: Uint8Array): void;
  close(): void;
}

function clash(path: string): ArchiveError {
  return new ArchiveError(`Entry '${path}' clashes with an earlier one.`);
}
