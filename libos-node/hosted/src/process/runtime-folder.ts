/**
 * The action runtime on this machine's disk, in the guest's layout, for plain Node: the same files and the same bytes as in an image.
 *
 * Invariant: a folder appears whole (made beside, then renamed) under a name that is the hash of its inputs, so it is never changed and
 * processes may make it at the same time. Left out: removing folders of older versions, which a running process may use.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { runtimeEntry, runtimeFiles, runtimeSources, stripTypes } from '../../../runtime/layout.ts';
import { placePackages } from '../../../runtime/packages.ts';
import { isOrphaned, ownerName } from '../owner/owner-name.ts';
import { stateFolder } from '../paths.ts';

const runtimeFolder = resolve(import.meta.dirname, '../../../runtime');

let prepared: Promise<string> | undefined;

/** Path of the runtime's entry script; made at the first call when it is not there yet. */
export function runtimeScript(): Promise<string> {
  prepared ??= prepare().catch((error: unknown) => {
    prepared = undefined;
    throw error;
  });
  return prepared;
}

async function prepare(): Promise<string> {
  const folder = join(stateFolder, 'runtime', await inputsHash());
  if (!existsSync(folder)) await make(folder);
  return join(folder, runtimeEntry);
}

async function inputsHash(): Promise<string> {
  const hash = createHash('sha256');
  const builders = ['layout.ts', 'common-js.ts', 'packages.ts'].map((name) => join(runtimeFolder, name));
  for (const file of [...builders, ...runtimeSources().map(({ from }) => from)]) {
    hash
      .update(`${file.slice(runtimeFolder.length)}\0`)
      .update(await readFile(file))
      .update('\0');
  }
  for (const { to, name, version } of placePackages(runtimeFolder)) hash.update(`${to} ${name} ${version}\n`);
  return hash.digest('hex').slice(0, 32);
}

/** Those of processes that ended while they made one. */
async function removeDrafts(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const owner = /^[0-9a-f]{32}\.(.*)$/.exec(name)?.[1];
    if (owner !== undefined && isOrphaned(owner)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function make(folder: string): Promise<void> {
  await removeDrafts(dirname(folder));
  const draft = `${folder}.${ownerName()}`;
  try {
    for (const { from, to } of runtimeFiles()) {
      const target = join(draft, to);
      await mkdir(dirname(target), { recursive: true });
      if (from.endsWith('.ts')) await writeFile(target, stripTypes(await readFile(from, 'utf8')));
      else await copyFile(from, target);
    }
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process was quicker.
    if (!existsSync(folder)) throw error;
  }
}
