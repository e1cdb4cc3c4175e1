/**
 * The SQLite file `<data-dir>/ebbwhisk.sqlite`: opening, schema versions, transactions.
 *
 * Invariant: what was committed survives kill -9 of the process (WAL: a commit is in the kernel's page cache). Entity
 * writes are also synced to the disk before they are acknowledged, activation records are not: a power cut may cost the
 * last of those, but never damages the file. One process has it open at a time (see standalone/lock.ts).
 */

import { chmodSync } from 'node:fs';
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

export type Synchronous = 'FULL' | 'NORMAL';

export class Database {
  readonly connection: DatabaseSync;

  /** Creates the file or brings its schema up to date. Throws SetupError STORE_TOO_NEW or STORE_DAMAGED. */
  constructor(path: string) {
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
      this.transaction('FULL', () => this.connection.exec(`${sql} PRAGMA user_version = ${index + 1};`));
    }
  }

  /** Runs `work` in one transaction; nothing of it stays when it throws. */
  transaction<T>(synchronous: Synchronous, work: () => T): T {
    const { connection } = this;
    if (synchronous === 'FULL') connection.exec('PRAGMA synchronous = FULL');
    connection.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      connection.exec('COMMIT');
      return result;
    } catch (error) {
      if (connection.isTransaction) connection.exec('ROLLBACK');
      throw error;
    } finally {
      if (synchronous === 'FULL') connection.exec('PRAGMA synchronous = NORMAL');
    }
  }

  close(): void {
    if (this.connection.isOpen) this.connection.close();
  }
}

export function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a text column holds something else');
  return value;
}
