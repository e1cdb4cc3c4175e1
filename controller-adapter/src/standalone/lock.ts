/**
 * One process for one data folder. The lock is SQLite's own on a file `lock`: the kernel drops it with the process, also
 * after kill -9, so it is never stale.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SetupError } from '../errors.ts';

export interface Lock {
  release(): void;
}

/** Creates the folder (0700) when it is missing. Throws SetupError DATA_DIR_IN_USE or DATA_DIR_UNUSABLE. */
export function lockDataDir(dataDir: string): Lock {
  const owner = join(dataDir, 'lock.pid');
  let connection: DatabaseSync | undefined;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    connection = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 });
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    writeFileSync(owner, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    connection?.close();
    const text = error instanceof Error ? error.message : String(error);
    if (/locked|busy/i.test(text)) throw new SetupError('DATA_DIR_IN_USE', `(${dataDir}${pidText(owner)})`);
    throw new SetupError('DATA_DIR_UNUSABLE', `${dataDir}: ${text}`, { cause: error });
  }
  const held = connection;
  return {
    release() {
      if (held.isOpen) held.close();
    },
  };
}

/** For the message only; the lock does not rest on it. */
function pidText(path: string): string {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isInteger(pid) && pid > 0 ? `, process ${pid}` : '';
  } catch {
    return '';
  }
}
