/**
 * Activation records in SQLite. Records that arrive in one turn of the event loop are written in one transaction; a put
 * resolves when its record is committed, and every read sees what was put before it. Left out: expiry, the file grows.
 */

import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { parseJson, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { filterPath, summariseActivation } from '../entity/activation.ts';
import { isJsonObject, numberOf, own } from '../entity/json.ts';
import { type Database, textOf } from './database.ts';
import type { ActivationQuery, ActivationReader, ListWindow } from './store.ts';

interface Pending {
  readonly record: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds what one transaction holds, and so the pause of the event loop. */
const kMaxBatch = 500;

export class SqliteActivationStore implements ActivationReader {
  readonly #database: Database;
  readonly #write: StatementSync;
  readonly #read: StatementSync;
  /** One statement per combination of conditions. */
  readonly #selects = new Map<string, StatementSync>();
  #pending: Pending[] = [];

  constructor(database: Database) {
    this.#database = database;
    this.#write = database.connection.prepare(
      'INSERT OR REPLACE INTO activations (id, namespace, path, start, summary, document) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#read = database.connection.prepare('SELECT document FROM activations WHERE id = ?');
  }

  putActivation(record: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) setImmediate(() => this.flush());
      this.#pending.push({ record, resolve, reject });
    });
  }

  /** Writes what is waiting. */
  flush(): void {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, kMaxBatch);
      const failed = new Map<Pending, unknown>();
      try {
        this.#database.transaction(() => {
          for (const each of batch) {
            try {
              this.#write.run(...columns(each.record));
            } catch (error) {
              // One bad record must not cost the others of its batch.
              failed.set(each, error);
            }
          }
        });
      } catch (error) {
        for (const each of batch) each.reject(error);
        continue;
      }
      for (const each of batch) {
        if (failed.has(each)) each.reject(failed.get(each));
        else each.resolve();
      }
    }
  }

  async readActivation(namespace: string, activationId: string): Promise<string | undefined> {
    this.flush();
    const row = this.#read.get(`${namespace}/${activationId}`);
    return row === undefined ? undefined : textOf(row.document);
  }

  async listActivations(
    query: ActivationQuery,
    { skip, limit }: ListWindow,
    docs: boolean,
  ): Promise<readonly string[]> {
    this.flush();
    const column = docs ? 'document' : 'summary';
    const { where, values } = conditions(query);
    const sql = `SELECT ${column} AS text FROM activations WHERE ${where} ORDER BY start DESC, id DESC LIMIT ? OFFSET ?`;
    return this.#select(sql)
      .all(...values, limit, skip)
      .map((row) => textOf(row.text));
  }

  async countActivations(query: ActivationQuery): Promise<number> {
    this.flush();
    const { where, values } = conditions(query);
    const row = this.#select(`SELECT count(*) AS count FROM activations WHERE ${where}`).get(...values);
    return Number(row?.count ?? 0);
  }

  #select(sql: string): StatementSync {
    let statement = this.#selects.get(sql);
    if (statement === undefined) {
      statement = this.#database.connection.prepare(sql);
      this.#selects.set(sql, statement);
    }
    return statement;
  }
}

function conditions({ namespace, path, since, upto }: ActivationQuery): { where: string; values: SQLInputValue[] } {
  const parts = ['namespace = ?'];
  const values: SQLInputValue[] = [namespace];
  for (const [sql, value] of [
    ['path = ?', path],
    ['start >= ?', since],
    ['start <= ?', upto],
  ] as const) {
    if (value === undefined) continue;
    parts.push(sql);
    values.push(value);
  }
  return { where: parts.join(' AND '), values };
}

function columns(text: string): SQLInputValue[] {
  const record = parseJson(text);
  const id = isJsonObject(record) ? own(record, '_id') : undefined;
  const namespace = isJsonObject(record) ? own(record, 'namespace') : undefined;
  const start = isJsonObject(record) ? numberOf(own(record, 'start')) : undefined;
  if (!isJsonObject(record) || typeof id !== 'string' || typeof namespace !== 'string' || start === undefined) {
    throw new TypeError('an activation record needs _id, namespace and start');
  }
  return [id, namespace, filterPath(record), Math.trunc(start), stringifyJson(summariseActivation(record)), text];
}
