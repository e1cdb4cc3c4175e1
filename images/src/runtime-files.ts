/** The action runtime as an input: its files and packages, with types stripped, so that the guest's Node need not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '@ebbwhisk/libos-node/paths';
import { runtimeFiles, stripTypes } from '@ebbwhisk/libos-node/runtime/layout';
import { ImageError } from './errors.ts';
import type { FsTree } from './fs/tree.ts';

export interface GuestFile {
  /** Path on this machine. */
  readonly from: string;
  /** Absolute path in the guest. */
  readonly to: string;
}

export function listRuntimeFiles(): readonly GuestFile[] {
  try {
    return runtimeFiles();
  } catch (error) {
    throw new ImageError('IMAGE_RUNTIME_MISSING', error instanceof Error ? error.message : undefined, { cause: error });
  }
}

/** The sources that decide which files those are and what becomes of them. */
export function transformFiles(): string[] {
  const folder = join(rootFolder, 'libos-node/runtime');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .concat(join(rootFolder, 'libos-node/hosted/src/paths.ts'));
}

export function addRuntimeFiles(tree: FsTree, files: readonly GuestFile[]): void {
  for (const { from, to } of files) {
    let content: Buffer;
    try {
      content = readFileSync(from);
    } catch (error) {
      throw new ImageError('IMAGE_RUNTIME_MISSING', from, { cause: error });
    }
    const isTypeScript = from.endsWith('.ts') && !to.endsWith('.ts');
    tree.addFile(to, isTypeScript ? stripTypes(content.toString('utf8')) : content);
  }
}

/** Name and version of every package directly under a node_modules folder of the files. */
export function packagesOf(files: readonly GuestFile[]): Record<string, string> {
  const packages: Record<string, string> = {};
  for (const { from, to } of files) {
    if (!/\/node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(to)) continue;
    const manifest: unknown = JSON.parse(readFileSync(from, 'utf8'));
    if (typeof manifest !== 'object' || manifest === null || !('name' in manifest) || !('version' in manifest))
      continue;
    const { name, version } = manifest;
    if (typeof name !== 'string' || typeof version !== 'string') continue;
    // A package that is there in several versions is listed with each.
    const others = packages[name]?.split(', ') ?? [];
    if (!others.includes(version)) packages[name] = [...others, version].sort().join(', ');
  }
  return packages;
}
