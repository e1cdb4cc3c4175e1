/**
 * The snapshots of functions on disk: `<digest>-<random>.snapshot` as the tender writes them, and beside each a `.json` that says what
 * it is of.
 *
 * Invariants: a snapshot without its `.json` does not count, and that is renamed into place when the snapshot is whole, so that kill -9 leaves
 * nothing that is used; what is left over goes at the next open(). The files together stay within maxBytes, the least recently used go first.
 * A key that failed too often is not tried again by this process. Nobody waits for files to be removed.
 */

import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { errorText } from '../errors.ts';
import { keyText, type SnapshotKey } from './snapshot-key.ts';

export interface SnapshotCacheOptions {
  /** Made if need be. Of this process alone. */
  readonly folder: string;
  readonly maxBytes: number;
  readonly log: Logger;
  readonly now?: () => number;
}

/** A snapshot that is being taken: whoever takes it writes `file`, and says what became of it. */
export interface Draft {
  readonly file: string;
  /** False when it is of no use any more. */
  commit(): Promise<boolean>;
  discard(): Promise<void>;
}

interface Entry {
  readonly key: SnapshotKey;
  readonly name: string;
  readonly bytes: number;
  usedAt: number;
  /** When the file's time was set last. */
  touchedAt: number;
  /** Warm starts in a row whose first activation failed. */
  strikes: number;
}

const descriptionSchema = Type.Object({
  version: Type.Literal(1),
  namespace: Type.String(),
  action: Type.String(),
  revision: Type.String(),
  variant: Type.String(),
  bytes: Type.Integer({ minimum: 1 }),
});

const namePattern = /^[0-9a-f]{32}-[0-9a-f]{16}$/;
const touchMs = 60_000;
const maxFailures = 3;
const maxStrikes = 2;
/** Failures are remembered for so many keys, the last ones. */
const maxRemembered = 10_000;

export class SnapshotCache {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #log: Logger;
  readonly #now: () => number;
  /** By key, the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #drafts = new Map<string, { readonly key: SnapshotKey; valid: boolean }>();
  readonly #failures = new Map<string, number>();
  readonly #pending = new Set<Promise<void>>();
  #bytes = 0;

  private constructor({ folder, maxBytes, log, now = Date.now }: SnapshotCacheOptions) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.#now = now;
  }

  static async open(options: SnapshotCacheOptions): Promise<SnapshotCache> {
    const cache = new SnapshotCache(options);
    await cache.#load();
    return cache;
  }

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The actions that there are snapshots of, with their revisions. */
  actions(): ReadonlyMap<string, ReadonlySet<string>> {
    const found = new Map<string, Set<string>>();
    for (const { key } of this.#entries.values()) {
      const revisions = found.get(key.action);
      if (revisions === undefined) found.set(key.action, new Set([key.revision]));
      else revisions.add(key.revision);
    }
    return found;
  }

  /** The file to clone from. It may be gone when it is opened: that is a cold start. */
  find(key: SnapshotKey): string | undefined {
    const text = keyText(key);
    const entry = this.#entries.get(text);
    if (entry === undefined) return undefined;
    this.#entries.delete(text);
    this.#entries.set(text, entry);
    entry.usedAt = this.#now();
    if (entry.usedAt - entry.touchedAt > touchMs) {
      entry.touchedAt = entry.usedAt;
      const time = new Date(entry.usedAt);
      this.#later(utimes(this.#path(entry.name, 'json'), time, time));
    }
    return this.#path(entry.name, 'snapshot');
  }

  /** Undefined when there is one, or one is being taken, or it is not worth trying. */
  begin(key: SnapshotKey): Draft | undefined {
    const text = keyText(key);
    if (this.#entries.has(text) || this.#drafts.has(text)) return undefined;
    if ((this.#failures.get(text) ?? 0) >= maxFailures) return undefined;
    const draft = { key, valid: true };
    this.#drafts.set(text, draft);
    const name = `${text}-${randomBytes(8).toString('hex')}`;
    const file = this.#path(name, 'snapshot');
    const discard = async (): Promise<void> => {
      this.#drafts.delete(text);
      // With what a tender that was killed left half-written beside it.
      const names = await readdir(this.#folder);
      const own = names.filter((each) => each.startsWith(basename(file)));
      await Promise.all(own.map((each) => rm(join(this.#folder, each), { force: true })));
    };
    const commit = async (): Promise<boolean> => {
      const bytes = (await stat(file)).size;
      if (!draft.valid || bytes > this.#maxBytes) {
        await discard();
        return false;
      }
      await this.#describe(name, key, bytes);
      this.#drafts.delete(text);
      // It may have been dropped in between.
      if (!draft.valid) {
        this.#remove(name);
        return false;
      }
      const now = this.#now();
      this.#entries.set(text, { key, name, bytes, usedAt: now, touchedAt: now, strikes: 0 });
      this.#bytes += bytes;
      this.#trim();
      return true;
    };
    return { file, commit, discard };
  }

  /** Taking one failed. */
  failed(key: SnapshotKey): void {
    const text = keyText(key);
    const failures = (this.#failures.get(text) ?? 0) + 1;
    this.#failures.delete(text);
    this.#failures.set(text, failures);
    for (const [oldest] of this.#failures) {
      if (this.#failures.size <= maxRemembered) break;
      this.#failures.delete(oldest);
    }
  }

  /** The first activation of a VM that was cloned from it went well. */
  worked(key: SnapshotKey): void {
    const entry = this.#entries.get(keyText(key));
    if (entry !== undefined) entry.strikes = 0;
  }

  /** It did not. Once is the action's own affair, unless it was fatal; twice in a row is not. */
  struck(key: SnapshotKey, fatal: boolean): void {
    const entry = this.#entries.get(keyText(key));
    if (entry === undefined) return;
    entry.strikes += 1;
    if (!fatal && entry.strikes < maxStrikes) return;
    this.failed(key);
    this.drop(key, 'its activations fail');
  }

  drop(key: SnapshotKey, why: string): void {
    const text = keyText(key);
    const draft = this.#drafts.get(text);
    if (draft !== undefined) draft.valid = false;
    const entry = this.#entries.get(text);
    if (entry === undefined) return;
    this.#log.info({ action: key.action, namespace: key.namespace, why }, 'function snapshot dropped');
    this.#forget(text, entry);
  }

  /** Those of the action, but for one revision of it. */
  dropAction(action: string, why: string, exceptRevision?: string): void {
    const isMeant = (key: SnapshotKey) => key.action === action && key.revision !== exceptRevision;
    for (const { key } of [...this.#entries.values()]) if (isMeant(key)) this.drop(key, why);
    for (const draft of this.#drafts.values()) if (isMeant(draft.key)) draft.valid = false;
  }

  /** Resolves when what was dropped is gone from the disk. */
  async close(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async #load(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
    const found: Entry[] = [];
    const names = await readdir(this.#folder);
    const kept = new Set<string>();
    for (const file of names.filter((each) => each.endsWith('.json'))) {
      const entry = await this.#read(file.slice(0, -'.json'.length));
      if (entry === undefined) continue;
      found.push(entry);
      for (const ending of ['json', 'snapshot']) kept.add(`${entry.name}.${ending}`);
    }
    for (const file of names) if (!kept.has(file)) await rm(join(this.#folder, file), { recursive: true, force: true });
    found.sort((a, b) => a.usedAt - b.usedAt);
    for (const entry of found) {
      this.#entries.set(keyText(entry.key), entry);
      this.#bytes += entry.bytes;
    }
    this.#trim();
  }

  async #read(name: string): Promise<Entry | undefined> {
    try {
      const described = this.#path(name, 'json');
      const value: unknown = JSON.parse(await readFile(described, 'utf8'));
      if (!namePattern.test(name) || !Value.Check(descriptionSchema, value)) return undefined;
      const { namespace, action, revision, variant, bytes } = value;
      const key = { namespace, action, revision, variant };
      const isWhole = (await stat(this.#path(name, 'snapshot'))).size === bytes;
      if (!isWhole || !name.startsWith(keyText(key)) || this.#entries.has(keyText(key))) return undefined;
      const usedAt = (await stat(described)).mtimeMs;
      return { key, name, bytes, usedAt, touchedAt: usedAt, strikes: 0 };
    } catch {
      return undefined;
    }
  }

  async #describe(name: string, key: SnapshotKey, bytes: number): Promise<void> {
    const path = this.#path(name, 'json');
    await writeFile(`${path}.tmp`, JSON.stringify({ version: 1, ...key, bytes }), { mode: 0o600, flag: 'wx' });
    const time = new Date(this.#now());
    await utimes(`${path}.tmp`, time, time);
    await rename(`${path}.tmp`, path);
  }

  #trim(): void {
    for (const [text, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#log.debug({ action: entry.key.action, bytes: entry.bytes }, 'function snapshot makes room');
      this.#forget(text, entry);
    }
  }

  #forget(text: string, entry: Entry): void {
    this.#entries.delete(text);
    this.#bytes -= entry.bytes;
    this.#remove(entry.name);
  }

  #remove(name: string): void {
    // The description first: what lies there without one is nothing.
    const removed = rm(this.#path(name, 'json'), { force: true });
    this.#later(removed.then(() => rm(this.#path(name, 'snapshot'), { force: true })));
  }

  #path(name: string, ending: 'json' | 'snapshot'): string {
    return join(this.#folder, `${name}.${ending}`);
  }

  #later(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) => this.#log.warn({ err: errorText(error) }, 'a snapshot file resists'))
      .finally(() => this.#pending.delete(watched));
    this.#pending.add(watched);
  }
}
