/**
 * Actions in SQLite. The document, its list entry and its code are apart, so that lists and invocations read no code,
 * and an update without code writes none.
 */

import { createHash } from 'node:crypto';
import type { StatementSync } from 'node:sqlite';
import { type Json, parseJson, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { type ActionDocument, showAction, summariseAction } from '../entity/action.ts';
import { ConflictError } from '../errors.ts';
import { type Database, textOf } from './database.ts';
import type { EntityStore, ListWindow, StoredAction } from './store.ts';

export class SqliteEntityStore implements EntityStore {
  readonly #database: Database;
  readonly #read: StatementSync;
  readonly #readCode: StatementSync;
  readonly #write: StatementSync;
  readonly #writeCode: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;
  readonly #count: StatementSync;

  constructor(database: Database) {
    this.#database = database;
    const { connection } = database;
    this.#read = connection.prepare('SELECT revision, document FROM actions WHERE id = ?');
    this.#readCode = connection.prepare('SELECT code FROM code WHERE id = ?');
    this.#write = connection.prepare(
      `INSERT INTO actions (id, namespace, name, revision, updated, summary, document) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, updated = excluded.updated,
         summary = excluded.summary, document = excluded.document`,
    );
    this.#writeCode = connection.prepare(
      'INSERT INTO code (id, code) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET code = excluded.code',
    );
    this.#delete = connection.prepare('DELETE FROM actions WHERE id = ?');
    this.#list = connection.prepare(
      'SELECT summary FROM actions WHERE namespace = ? ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?',
    );
    this.#count = connection.prepare('SELECT count(*) AS count FROM actions WHERE namespace = ?');
  }

  async readAction(id: string): Promise<StoredAction | undefined> {
    const row = this.#read.get(id);
    if (row === undefined) return undefined;
    const document = parseJson(textOf(row.document)) as unknown as ActionDocument;
    return { id, revision: textOf(row.revision), document };
  }

  async readCode(id: string): Promise<string | undefined> {
    const row = this.#readCode.get(id);
    return row === undefined ? undefined : textOf(row.code);
  }

  /** Only the newest revision is kept, so `revision` cannot name another one: an invoker takes what there is. */
  async getAction(id: string, _revision?: string): Promise<string | undefined> {
    const action = await this.readAction(id);
    const code = action === undefined ? undefined : await this.readCode(id);
    if (action === undefined || code === undefined) return undefined;
    const document = showAction(action.document, code) as { [key: string]: Json };
    return stringifyJson({ _id: id, _rev: action.revision, entityType: 'action', ...document });
  }

  async writeAction(document: ActionDocument, code: string | undefined, expected: string | undefined): Promise<string> {
    const id = `${document.namespace}/${document.name}`;
    const text = stringifyJson(document as unknown as Json);
    const written = this.#database.transaction(() => {
      this.#checkRevision(id, expected);
      const revision = nextRevision(expected, text, code);
      const summary = stringifyJson(summariseAction(document));
      this.#write.run(id, document.namespace, document.name, revision, document.updated, summary, text);
      if (code !== undefined) this.#writeCode.run(id, code);
      return revision;
    });
    await this.#database.durable();
    return written;
  }

  async deleteAction(id: string, expected: string): Promise<void> {
    this.#database.transaction(() => {
      this.#checkRevision(id, expected);
      this.#delete.run(id);
    });
    await this.#database.durable();
  }

  #checkRevision(id: string, expected: string | undefined): void {
    if (this.#read.get(id)?.revision !== expected) throw new ConflictError(id);
  }

  async listActions(namespace: string, { skip, limit }: ListWindow): Promise<readonly string[]> {
    return this.#list.all(namespace, limit, skip).map((row) => textOf(row.summary));
  }

  async countActions(namespace: string): Promise<number> {
    return Number(this.#count.get(namespace)?.count ?? 0);
  }
}

/**
 * The document holds its time of update, so an action that is deleted and made again has another revision even with
 * the same content.
 */
function nextRevision(previous: string | undefined, document: string, code: string | undefined): string {
  const generation = Number(previous?.split('-', 1)[0] ?? 0) + 1;
  const hash = createHash('sha256')
    .update(previous ?? '')
    .update('\0')
    .update(document)
    .update('\0');
  if (code !== undefined) hash.update(code);
  return `${generation}-${hash.digest('hex').slice(0, 32)}`;
}
