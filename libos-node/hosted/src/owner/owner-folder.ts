/**
 * The folder of this host process: private to the user, short enough for sockets, gone when no VM needs it and when the process
 * exits. When the process is killed instead, orphans.ts of the next one removes it.
 *
 * Invariant: nobody else can have made the folder above it: it is a directory of this user with mode 0700, or another,
 * random one is taken (which is then nobody's to reap).
 */
import { lstatSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reapOrphans } from './orphans.ts';
import { maxOwnerName, ownerName } from './owner-name.ts';
import { processState } from './process-identity.ts';

/** sizeof(sun_path) minus the NUL. */
const maxSocketPath = 107;
const longestSocket = '/process-9999999/action.sock';
const maxAttempts = 100;

/** Folder of all owners of this user. */
export function ownersFolder(): string {
  const folder = join(tmpdir(), userName());
  return folder.length + 1 + maxOwnerName + '-99'.length + longestSocket.length > maxSocketPath
    ? join('/tmp', userName())
    : folder;
}

function userName(): string {
  return `ebb-${process.getuid?.() ?? 0}`;
}

/** What a VM holds in the folder. */
export interface OwnedPlace {
  /** Path of that name in the folder; nothing is made there. */
  path(name: string): string;
  /** So that the process can be ended when this one cannot do it any more. Never rejects. */
  record(pid: number, exe: string): Promise<void>;
  /** Removes the record and what lies at path(name) for these names. */
  release(...names: string[]): void;
}

class OwnerFolder {
  #path: string | undefined;
  #users = 0;
  #hasExitHook = false;

  /** A place for the VM of that id. */
  take(id: string): OwnedPlace {
    const folder = this.#enter();
    let released = false;
    const record = join(folder, `${id}.json`);
    return {
      path: (name) => join(folder, name),
      record: async (pid, exe) => {
        const started = processState(pid)?.started;
        if (started === undefined || released) return;
        // The folder may be gone by now, with the VM.
        await writeFile(record, JSON.stringify({ pid, started, exe }), { mode: 0o600 }).catch(() => {});
        if (released) await rm(record, { force: true }).catch(() => {});
      },
      release: (...names) => {
        if (released) return;
        released = true;
        rmSync(record, { force: true });
        for (const name of names) rmSync(join(folder, name), { recursive: true, force: true });
        this.#leave();
      },
    };
  }

  #enter(): string {
    this.#users++;
    if (this.#path !== undefined) return this.#path;
    const owners = privateFolder();
    if (owners.shared) void reapOrphans(owners.path);
    this.#path = makeOwn(owners.path);
    if (!this.#hasExitHook) process.once('exit', () => this.#remove());
    this.#hasExitHook = true;
    return this.#path;
  }

  #leave(): void {
    this.#users--;
    if (this.#users === 0) this.#remove();
  }

  #remove(): void {
    if (this.#path === undefined) return;
    rmSync(this.#path, { recursive: true, force: true });
    try {
      rmdirSync(join(this.#path, '..'));
    } catch {
      // Others have theirs in it.
    }
    this.#path = undefined;
  }
}

/** The one of this process. */
export const ownerFolder = new OwnerFolder();

function privateFolder(): { readonly path: string; readonly shared: boolean } {
  const path = ownersFolder();
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  // It may be gone again, with its last owner; makeOwn sees to that.
  if (found === undefined) return { path, shared: true };
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0)
    return { path, shared: true };
  return { path: mkdtempSync(`${path}-`), shared: false };
}

function makeOwn(owners: string): string {
  const name = ownerName();
  for (let attempt = 0; ; attempt++) {
    const path = join(owners, `${name}-${attempt}`);
    try {
      mkdirSync(path, { mode: 0o700 });
      return path;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another instance of this module may live in this process; the last owner may have removed the folder above.
      if (attempt === maxAttempts || (code !== 'EEXIST' && code !== 'ENOENT')) throw error;
      if (code === 'ENOENT') mkdirSync(owners, { recursive: true, mode: 0o700 });
    }
  }
}
