/**
 * The SQLite file `<data-dir>/ebbwhisk.sqlite`: opening, schema versions, transactions.
 *
 * Invariant: what was committed survives kill -9 of the process (WAL: a commit is in the kernel's page cache), and a power cut never
 * damages the file. What must survive that, too, is acknowledged after durable(). One process has the file open at a
 * time (see standalone/lock.ts).
 */

import { chmodSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SetupError } from '../errors.ts';

/** Each entry takes the schema one version up; entries are never changed once released, only added. */
const migrations: readonly string[] = [
  `CREATE TABLE actions (
     id TEXT PRIMARY KEY,
     namespace TEXT NOT NULL,
     name TEXT NOT NULL,
     revision TEXT NOT NULL,
     updated INTEGER NOT NULL,
     summary TEXT NOT NULL,
     document TEXT NOT NULL
   ) STRICT;
   CREATE INDEX actions_by_update ON actions (namespace, updated DESC, id DESC);
   CREATE TABLE code (
     id TEXT PRIMARY KEY REFERENCES actions (id) ON DELETE CASCADE,
     code TEXT NOT NULL
   ) STRICT;
   CREATE TABLE activations (
     id TEXT PRIMARY KEY,
     namespace TEXT NOT NULL,
     path TEXT NOT NULL,
     start INTEGER NOT NULL,
     summary TEXT NOT NULL,
     document TEXT NOT NULL
   ) STRICT;
   CREATE INDEX activations_by_start ON activations (namespace, start DESC, id DESC);
   CREATE INDEX activations_by_path ON activations (namespace, path, start DESC, id DESC);`,
];

export class Database {
  readonly connection: DatabaseSync;
  readonly #path: string;
  #log: Promise<FileHandle> | undefined;
  #syncing: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  /** Creates the file or brings its schema up to date. Throws SetupError STORE_TOO_NEW or STORE_DAMAGED. */
  constructor(path: string) {
    this.#path = path;
    let opened: DatabaseSync | undefined;
    try {
      opened = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 5000 });
      this.connection = opened;
      if (path !== ':memory:') chmodSync(path, 0o600);
      this.connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
      this.#migrate(path);
    } catch (error) {
      opened?.close();
      if (error instanceof SetupError) throw error;
      const detail = `${path}: ${error instanceof Error ? error.message : String(error)}`;
      throw new SetupError('STORE_DAMAGED', detail, { cause: error });
    }
  }

  #migrate(path: string): void {
    const row = this.connection.prepare('PRAGMA user_version').get();
    const version = Number(row?.user_version ?? 0);
    if (version > migrations.length) throw new SetupError('STORE_TOO_NEW', path);
    for (const [index, sql] of migrations.entries()) {
      if (index < version) continue;
      this.transaction(() => this.connection.exec(`${sql} PRAGMA user_version = ${index + 1};`));
    }
  }

  /** Runs `work` in one transaction; nothing of it stays when it throws. */
  transaction<T>(work: () => T): T {
    const { connection } = this;
    connection.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      connection.exec('COMMIT');
      return result;
    } catch (error) {
      if (connection.isTransaction) connection.exec('ROLLBACK');
      throw error;
    }
  }

  /**
   * Resolves when all that is committed by now is on the disk. As with `synchronous = FULL` the log is synced, but in another thread, since that
   * takes milliseconds, and once for all who ask meanwhile.
   */
  durable(): Promise<void> {
    this.#nextSync ??= this.#syncing
      .catch(() => {})
      .then(() => {
        this.#nextSync = undefined;
        this.#syncing = this.#sync();
        return this.#syncing;
      });
    return this.#nextSync;
  }

  async #sync(): Promise<void> {
    if (this.#path === ':memory:') return;
    this.#log ??= this.#openLog();
    const log = await this.#log.catch((error: unknown) => {
      this.#log = undefined;
      throw error;
    });
    await log.datasync();
  }

  /** It is there as long as the connection is, and the same file. SQLite holds no lock on it that closing it here would lose. */
  async #openLog(): Promise<FileHandle> {
    // Its name has to be on the disk, too.
    const folder = await open(dirname(this.#path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return open(`${this.#path}-wal`, 'r');
  }

  close(): void {
    if (this.connection.isOpen) this.connection.close();
    void this.#log?.then(
      (log) => log.close(),
      () => {},
    );
  }
}

export function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a text column holds something else');
  return value;
}
