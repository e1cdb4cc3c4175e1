/**
 * Finds the shared libraries that a program needs, by reading ELF files ourselves: nothing of the machine is executed.
 *
 * Leaves out ld.so.cache, RUNPATH and hardware-specific folders: Node needs libraries of the C and C++ runtime alone, which lie
 * in the standard folders of every distribution, and the image must not depend on the builder's processor.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Elf } from './elf/elf.ts';
import { ImageError } from './errors.ts';

export interface Library {
  /** The name by which it is needed: that of its file in the image. */
  readonly name: string;
  readonly path: string;
  readonly elf: Elf;
}

export const standardFolders: readonly string[] = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
];

/** What glibc loads by name at run time; part of libc itself since 2.34, where the files may be absent. */
export const runtimeLoaded: readonly string[] = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

/** Undefined when there is no such file, or only one for another machine. */
export function openElf(path: string): Elf | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
  try {
    return new Elf(bytes, path);
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

function find(name: string, folders: readonly string[]): Library | undefined {
  for (const folder of folders) {
    const path = join(folder, name);
    const elf = openElf(path);
    if (elf !== undefined) return { name, path, elf };
  }
  return undefined;
}

/** The closure of DT_NEEDED over `program` and, where the machine has them, `optional`; sorted by name. */
export function librariesOf(
  program: Elf,
  optional: readonly string[],
  folders: readonly string[] = standardFolders,
): Library[] {
  const found = new Map<string, Library>();
  const queue: { name: string; by: string; required: boolean }[] = [
    ...program.needed().map((name) => ({ name, by: program.path, required: true })),
    ...optional.map((name) => ({ name, by: '', required: false })),
  ];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    if (found.has(item.name)) continue;
    if (item.name.includes('/')) throw new ImageError('IMAGE_LIBRARY_MISSING', `${item.by} needs ${item.name} by path`);
    const library = find(item.name, folders);
    if (library === undefined) {
      if (item.required)
        throw new ImageError('IMAGE_LIBRARY_MISSING', `${item.name}, needed by ${item.by}, in ${folders.join(', ')}`);
      continue;
    }
    found.set(item.name, library);
    for (const name of library.elf.needed()) queue.push({ name, by: library.path, required: true });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The version that a libc.so.6 states in its banner. */
export function glibcVersion(libc: Elf): string {
  const marker = 'GNU C Library ';
  const at = libc.bytes.indexOf(marker);
  const banner = at < 0 ? '' : libc.bytes.toString('latin1', at, at + 200);
  const version = /release version (\d+\.\d+)/.exec(banner)?.[1];
  if (version === undefined) throw new ImageError('IMAGE_LIBRARY_MISSING', `${libc.path} is not the GNU C library`);
  const build = /^GNU C Library \(([^)]*)\)/.exec(banner)?.[1];
  return build === undefined ? version : `${version} (${build})`;
}
