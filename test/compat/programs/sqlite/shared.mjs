import fs from 'node:fs';
import { tell } from '../support/tell.mjs';

/** SQLite where it maps files: the write-ahead log's index, and the database itself. */
const emit = process.emitWarning;
process.emitWarning = () => {};
const sqlite = await import('node:sqlite').catch(() => undefined);
process.emitWarning = emit;
const files = () =>
  fs
    .readdirSync('.')
    .filter((name) => name.includes('.db'))
    .sort();
if (sqlite === undefined) {
  console.log('absent');
} else {
  const { DatabaseSync } = sqlite;
  const first = new DatabaseSync('wal.db');
  const count = (database) => database.prepare('SELECT count(*) AS n, sum(x) AS s FROM t').get();
  await tell('journal', () => first.prepare('PRAGMA journal_mode = WAL').get().journal_mode);
  await tell('insert', () => {
    first.exec('CREATE TABLE t (x INTEGER, text TEXT)');
    const insert = first.prepare('INSERT INTO t VALUES (?, ?)');
    first.exec('BEGIN');
    for (let i = 0; i < 5000; i += 1) insert.run(i, 'text '.repeat(10));
    first.exec('COMMIT');
    return [count(first), files()];
  });
  const second = new DatabaseSync('wal.db');
  await tell('a second connection reads', () => count(second));
  await tell('a reader keeps its view', () => {
    second.exec('BEGIN');
    const before = count(second).n;
    first.exec('DELETE FROM t WHERE x % 2 = 0');
    const during = count(second).n;
    second.exec('COMMIT');
    return [before, during, count(second).n];
  });
  await tell('two writers', () => {
    first.exec('BEGIN IMMEDIATE');
    try {
      second.exec('BEGIN IMMEDIATE');
    } catch ({ errcode, message }) {
      return [errcode, message];
    } finally {
      first.exec('ROLLBACK');
    }
  });
  await tell('checkpoint', () => first.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get());
  second.close();
  first.close();
  await tell('closed', files);
  const mapped = new DatabaseSync('wal.db');
  await tell('mapped', () => mapped.prepare('PRAGMA mmap_size = 100000000').get());
  await tell('read, grow, read', () => {
    const before = count(mapped);
    const insert = mapped.prepare('INSERT INTO t VALUES (?, ?)');
    mapped.exec('PRAGMA journal_mode = DELETE; BEGIN');
    for (let i = 0; i < 20_000; i += 1) insert.run(i, 'grown '.repeat(10));
    mapped.exec('COMMIT');
    const grown = count(mapped);
    mapped.exec('DELETE FROM t WHERE x > 100; VACUUM');
    return [before, grown, count(mapped), mapped.prepare('PRAGMA integrity_check').get()];
  });
  mapped.close();
  await tell('reopened', () => {
    const again = new DatabaseSync('wal.db');
    const result = [count(again), again.prepare('PRAGMA integrity_check').get()];
    again.close();
    return result;
  });
}
