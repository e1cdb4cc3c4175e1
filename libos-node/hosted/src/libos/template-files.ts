/**
 * The folder of templates: private, and bounded. A file is named after what it is a template of; whether it still fits the image and the
 * machine is the tender's to judge.
 *
 * Invariant: the least recently used files beyond maxFiles go when another is used, and drafts of tenders that were killed. A file that
 * goes while a server uses it stays whole for that server.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { rehearsalOf } from './rehearsal.ts';

/** A file has about 20 MB. */
const maxFiles = 24;
const filePattern = /\.snapshot$/;
const draftPattern = /\.snapshot(?:\.rehearsal)?\.(\d+)\.tmp$/;

export class TemplateFiles {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  has(file: string): boolean {
    return existsSync(join(this.folder, file));
  }

  /** Makes the folder and room in it. */
  prepare(file: string): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    chmodSync(this.folder, 0o700);
    const names = readdirSync(this.folder);
    for (const name of names) {
      const pid = draftPattern.exec(name)?.[1];
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) this.#remove(name);
    }
    const others = names.filter((name) => filePattern.test(name) && name !== file);
    const byUse = others.map((name) => ({ name, time: this.#usedAt(name) })).sort((a, b) => b.time - a.time);
    for (const { name } of byUse.slice(maxFiles - 1)) this.#remove(name);
  }

  /** It was of use just now. */
  touch(file: string): void {
    const now = new Date();
    try {
      // The time of its last change tells when it was made.
      utimesSync(join(this.folder, file), now, statSync(join(this.folder, file)).mtime);
    } catch {
      // Another process removed it.
    }
  }

  #usedAt(name: string): number {
    const stat = statSync(join(this.folder, name), { throwIfNoEntry: false });
    return stat === undefined ? 0 : Math.max(stat.atimeMs, stat.mtimeMs);
  }

  #remove(name: string): void {
    rmSync(join(this.folder, name), { force: true });
    rmSync(join(this.folder, rehearsalOf(name)), { force: true });
  }
}
