import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseJson, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ActionDocument } from '../entity/action.ts';
import { ConflictError } from '../errors.ts';
import { field } from '../testing/harness.ts';
import { openStore, type SqliteStore } from './sqlite.ts';

let dir: string;
let store: SqliteStore;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ebbwhisk-store-'));
  store = openStore(dir);
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

function document(name: string, fields: Partial<ActionDocument> = {}): ActionDocument {
  return {
    namespace: 'guest',
    name,
    exec: { kind: 'nodejs:24', binary: false },
    parameters: [],
    limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
    version: '0.0.1',
    publish: false,
    annotations: [],
    updated: 1,
    ...fields,
  };
}

function activation(id: string, start = 1): string {
  return stringifyJson({ _id: `guest/${id}`, namespace: 'guest', name: 'a', activationId: id, start, end: start });
}

describe('actions', () => {
  it('go to an invoker with id, revision and code', async () => {
    const revision = await store.entities.writeAction(document('a'), 'code', undefined);
    const text = (await store.entities.getAction('guest/a', revision)) ?? '';
    expect(parseJson(text)).toMatchObject({
      _id: 'guest/a',
      _rev: revision,
      entityType: 'action',
      exec: { kind: 'nodejs:24', binary: false, code: 'code' },
    });
    expect(await store.entities.getAction('guest/a', '1-other')).toBe(text);
    expect(await store.entities.getAction('guest/b')).toBeUndefined();
  });

  it('are on the disk when they are acknowledged, with one sync for all that come together', async () => {
    const { entities } = store;
    const probe = await open(dir, 'r');
    const prototype = Object.getPrototypeOf(probe) as FileHandle;
    await probe.close();
    let end = () => {};
    const sync = vi.spyOn(prototype, 'datasync').mockImplementation(() => new Promise((resolve) => (end = resolve)));
    try {
      const acknowledged: string[] = [];
      const write = (name: string) =>
        entities.writeAction(document(name), 'code', undefined).then(() => acknowledged.push(name));
      const writes = [write('a')];
      await vi.waitFor(() => expect(sync).toHaveBeenCalledTimes(1));
      writes.push(write('b'), write('c'));
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect([acknowledged, sync.mock.calls.length]).toEqual([[], 1]);
      end();
      await vi.waitFor(() => expect(sync).toHaveBeenCalledTimes(2));
      expect(acknowledged).toEqual(['a']);
      end();
      await Promise.all(writes);
      expect(sync).toHaveBeenCalledTimes(2);
      sync.mockRejectedValue(new Error('EIO'));
      await expect(write('d')).rejects.toThrow('EIO');
    } finally {
      sync.mockRestore();
    }
    await entities.writeAction(document('e'), 'code', undefined);
  });

  it('are written only over the revision that was read', async () => {
    const { entities } = store;
    const first = await entities.writeAction(document('a'), 'one', undefined);
    await expect(entities.writeAction(document('a'), 'two', undefined)).rejects.toThrow(ConflictError);
    const second = await entities.writeAction(document('a', { version: '0.0.2' }), undefined, first);
    await expect(entities.writeAction(document('a'), 'three', first)).rejects.toThrow(ConflictError);
    await expect(entities.deleteAction('guest/a', first)).rejects.toThrow(ConflictError);
    expect(await entities.readCode('guest/a')).toBe('one');
    await entities.deleteAction('guest/a', second);
    await expect(entities.writeAction(document('a'), 'four', second)).rejects.toThrow(ConflictError);
    expect(await entities.readAction('guest/a')).toBeUndefined();
  });

  it('get another revision when made again after deletion', async () => {
    const first = await store.entities.writeAction(document('a', { updated: 1 }), 'one', undefined);
    await store.entities.deleteAction('guest/a', first);
    const again = await store.entities.writeAction(document('a', { updated: 2 }), 'one', undefined);
    expect(again).not.toBe(first);
  });

  it('of other namespaces stay out of lists', async () => {
    await store.entities.writeAction(document('a'), 'x', undefined);
    await store.entities.writeAction(document('a', { namespace: 'guest2' }), 'x', undefined);
    expect(await store.entities.listActions('guest', { skip: 0, limit: 10 })).toHaveLength(1);
    expect(await store.entities.countActions('guest2')).toBe(1);
  });
});

describe('activations', () => {
  it('are read back byte for byte', async () => {
    const text = '{"_id":"guest/x","namespace":"guest","start":1.0,"response":{"result":{"n":12345678901234567890}}}';
    await store.activations.putActivation(text);
    expect(await store.activations.readActivation('guest', 'x')).toBe(text);
  });

  it('are visible before their batch is written, and overwritten by a second put', async () => {
    const put = store.activations.putActivation(activation('x', 1));
    expect(await store.activations.readActivation('guest', 'x')).toBe(activation('x', 1));
    await put;
    await store.activations.putActivation(activation('x', 2));
    expect(await store.activations.countActivations({ namespace: 'guest' })).toBe(1);
  });

  it('that are unreadable fail alone', async () => {
    const results = await Promise.allSettled(
      [activation('a'), 'not json', '{}', activation('b')].map((text) => store.activations.putActivation(text)),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await store.activations.countActivations({ namespace: 'guest' })).toBe(2);
  });

  it('are refused after close', async () => {
    store.close();
    await expect(store.activations.putActivation(activation('x'))).rejects.toThrow();
  });
});

describe('the file', () => {
  it('is closed to others', () => {
    expect(statSync(join(dir, 'ebbwhisk.sqlite')).mode & 0o777).toBe(0o600);
  });

  it('keeps what it had when opened again', async () => {
    await store.entities.writeAction(document('a'), 'code', undefined);
    store.close();
    store = openStore(dir);
    expect((await store.entities.readAction('guest/a'))?.document).toEqual(document('a'));
  });

  it('of a newer version is refused, and left as it was', () => {
    store.close();
    const path = join(dir, 'ebbwhisk.sqlite');
    const raw = new DatabaseSync(path);
    raw.exec('PRAGMA user_version = 1000');
    raw.close();
    expect(() => openStore(dir)).toThrow(expect.objectContaining({ code: 'STORE_TOO_NEW' }));
    const after = new DatabaseSync(path);
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1000 });
    after.close();
  });

  it('that is no database is refused', () => {
    store.close();
    const other = mkdtempSync(join(tmpdir(), 'ebbwhisk-store-'));
    writeFileSync(join(other, 'ebbwhisk.sqlite'), 'x'.repeat(10_000));
    chmodSync(other, 0o700);
    expect(() => openStore(other)).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }));
    rmSync(other, { recursive: true });
  });
});

describe('kill -9', () => {
  it('loses nothing that was acknowledged', async () => {
    store.close();
    const child = startWriter(dir);
    const acknowledged = { actions: new Map<string, string>(), activations: new Set<string>() };
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      const [kind, id = '', revision = ''] = line.split(' ');
      if (kind === 'action') acknowledged.actions.set(id, revision);
      if (kind === 'activation') acknowledged.activations.add(id);
      if (acknowledged.actions.size >= 20 && acknowledged.activations.size >= 500) child.kill('SIGKILL');
    }
    store = openStore(dir);
    expect(acknowledged.activations.size).toBeGreaterThanOrEqual(500);
    for (const [id, revision] of acknowledged.actions) {
      const text = (await store.entities.getAction(id)) ?? '{}';
      // The writer may have got one revision further than it could tell.
      const stored = String(field(parseJson(text), '_rev'));
      expect(Number(stored.split('-')[0])).toBeGreaterThanOrEqual(Number(revision.split('-')[0]));
      expect(String(field(parseJson(text), 'exec', 'code'))).toBe(`code of ${field(parseJson(text), 'version')}`);
    }
    for (const id of acknowledged.activations) {
      expect(await store.activations.readActivation('guest', id)).toBe(activation(id));
    }
    expect(existsSync(join(dir, 'ebbwhisk.sqlite-wal'))).toBe(true);
  });
});

/** Writes actions and activations for ever and prints each one once it is acknowledged. */
function startWriter(dataDir: string): ChildProcess {
  const program = `
    const { openStore } = await import(${JSON.stringify(fileURLToPath(new URL('./sqlite.ts', import.meta.url)))});
    const store = openStore(${JSON.stringify(dataDir)});
    const { writeSync } = await import('node:fs');
    const revisions = new Map();
    for (let turn = 0; turn < 100000; turn += 1) {
      const name = 'a' + (turn % 20);
      const version = '0.0.' + (turn + 1);
      const document = { ...${JSON.stringify(document('x'))}, name, version };
      const revision = await store.entities.writeAction(document, 'code of ' + version, revisions.get(name));
      revisions.set(name, revision);
      writeSync(1, 'action guest/' + name + ' ' + revision + '\\n');
      await Promise.all(Array.from({ length: 30 }, async (_, index) => {
        const id = turn + 'x' + index;
        const record = { _id: 'guest/' + id, namespace: 'guest', name: 'a', activationId: id, start: 1, end: 1 };
        await store.activations.putActivation(JSON.stringify(record));
        writeSync(1, 'activation ' + id + '\\n');
      }));
    }`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
}
