import fs from 'node:fs';
import path from 'node:path';
import { tell } from '../support/tell.mjs';

const emit = process.emitWarning;
process.emitWarning = () => {};
const sqlite = await import('node:sqlite').catch(() => undefined);
process.emitWarning = emit;
if (sqlite === undefined) {
  console.log('absent');
} else {
  const { DatabaseSync } = sqlite;
  for (const name of [':memory:', 'file.db']) {
    const database = new DatabaseSync(name);
    await tell(`${name} create`, () =>
      database.exec(
        'CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, value REAL, data BLOB); CREATE INDEX i ON t (name)',
      ),
    );
    await tell(`${name} insert`, () => {
      const insert = database.prepare('INSERT INTO t (name, value, data) VALUES (?, ?, ?)');
      database.exec('BEGIN');
      for (let i = 0; i < 2000; i += 1) insert.run(`name ${i}`, i / 4, new Uint8Array([i & 255]));
      database.exec('COMMIT');
      return database.prepare('SELECT count(*) AS n, sum(value) AS s FROM t').get();
    });
    await tell(`${name} query`, () => database.prepare('SELECT * FROM t WHERE name = $name').all({ name: 'name 77' }));
    await tell(`${name} rollback`, () => {
      database.exec('BEGIN; DELETE FROM t; ROLLBACK');
      return database.prepare('SELECT count(*) AS n FROM t').get().n;
    });
    await tell(`${name} constraint`, () => database.exec('INSERT INTO t (id) VALUES (1)'));
    await tell(`${name} syntax`, () => database.exec('SELEC'));
    await tell(`${name} function`, () => {
      if (database.function === undefined) return 'absent';
      database.function('twice', (value) => value * 2);
      return database.prepare('SELECT twice(21) AS v').get().v;
    });
    await tell(`${name} full text and json`, () => {
      database.exec("CREATE VIRTUAL TABLE f USING fts5(text); INSERT INTO f VALUES ('hello world'), ('other')");
      return [
        database.prepare("SELECT * FROM f WHERE f MATCH 'hello'").all().length,
        database.prepare(`SELECT json_extract('{"a":[1,2]}', '$.a[1]') AS v`).get().v,
      ];
    });
    database.close();
  }
  await tell('reopen', () => {
    const database = new DatabaseSync('file.db');
    const { n } = database.prepare('SELECT count(*) AS n FROM t').get();
    database.close();
    return [n, fs.statSync('file.db').size > 50_000, fs.readFileSync('file.db', 'latin1').slice(0, 15)];
  });
  for (const mode of ['DELETE', 'TRUNCATE', 'PERSIST', 'MEMORY', 'OFF']) {
    await tell(`journal ${mode}`, () => {
      const database = new DatabaseSync('file.db');
      const [result] = database.prepare(`PRAGMA journal_mode = ${mode}`).all();
      database.exec("INSERT INTO t (name) VALUES ('journaled')");
      const { n } = database.prepare("SELECT count(*) AS n FROM t WHERE name = 'journaled'").get();
      const files = fs
        .readdirSync('.')
        .filter((file) => file.startsWith('file.db'))
        .sort();
      database.close();
      return [result, n, files];
    });
  }
  await tell('two connections', () => {
    const first = new DatabaseSync('two.db');
    const second = new DatabaseSync('two.db');
    first.exec('CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)');
    let busy;
    try {
      second.exec('BEGIN IMMEDIATE');
    } catch (error) {
      busy = [error.code, error.errcode, error.message];
    }
    first.exec('COMMIT');
    const { n } = second.prepare('SELECT count(*) AS n FROM t').get();
    first.close();
    second.close();
    return [busy, n];
  });
  await tell('backup', async () => {
    if (sqlite.backup === undefined) return 'absent';
    const database = new DatabaseSync('file.db');
    await sqlite.backup(database, path.resolve('copy.db'));
    database.close();
    return fs.statSync('copy.db').size > 50_000;
  });
  await tell('read only', () => {
    const database = new DatabaseSync('file.db', { readOnly: true });
    try {
      database.exec('DELETE FROM t');
    } finally {
      database.close();
    }
  });
  await tell('cannot open', () => new DatabaseSync('no/such/folder.db'));
}
