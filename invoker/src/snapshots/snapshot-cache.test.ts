import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SnapshotCache } from './snapshot-cache.ts';
import { type SnapshotKey, snapshotKey } from './snapshot-key.ts';

let folder: string;
let time: number;
const open: SnapshotCache[] = [];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'snapshots-')), 'snapshots');
  time = 1_700_000_000_000;
});
afterEach(async () => {
  for (const cache of open.splice(0)) await cache.close();
  rmSync(join(folder, '..'), { recursive: true });
});

async function openCache(maxBytes = 1_000): Promise<SnapshotCache> {
  const cache = await SnapshotCache.open({ folder, maxBytes, log: pino({ level: 'silent' }), now: () => time });
  open.push(cache);
  return cache;
}

const key = (action: string, { revision = '1-a', namespace = 'guest', kind = 'nodejs:24' } = {}): SnapshotKey =>
  snapshotKey(namespace, `guest/${action}`, revision, { kind });

async function put(cache: SnapshotCache, of: SnapshotKey, bytes = 100): Promise<boolean> {
  const draft = cache.begin(of);
  if (draft === undefined) throw new Error('not wanted');
  writeFileSync(draft.file, Buffer.alloc(bytes));
  time += 1;
  return draft.commit();
}

test('what was put is found, by the very same key alone, also by the next process', async () => {
  const first = await openCache();
  expect(await put(first, key('a'))).toBe(true);
  const file = first.find(key('a')) ?? '';
  expect(statSync(file).size).toBe(100);
  for (const cache of [first, await openCache()]) {
    expect(cache.find(key('a'))).toBe(file);
    expect(cache.find(key('b'))).toBeUndefined();
    expect(cache.find(key('a', { revision: '2-a' }))).toBeUndefined();
    expect(cache.find(key('a', { namespace: 'other' }))).toBeUndefined();
    expect(cache.find(key('a', { kind: 'nodejs:22' }))).toBeUndefined();
    expect([cache.count, cache.bytes]).toEqual([1, 100]);
  }
});

test('the folder and the files are the owner’s alone', async () => {
  mkdirSync(folder, { mode: 0o755 });
  const cache = await openCache();
  await put(cache, key('a'));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.json'))) {
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  }
});

test('whenever its process is killed, nothing is found that is not whole, and nothing is left over', async () => {
  const cache = await openCache();
  await put(cache, key('whole'));
  // Killed while the tender writes, before and while it is described, and in the middle of a removal.
  const written = cache.begin(key('written'));
  writeFileSync(`${written?.file}.123.tmp`, 'half');
  const undescribed = cache.begin(key('undescribed'));
  writeFileSync(undescribed?.file ?? '', 'whole');
  const halfDescribed = cache.begin(key('half'));
  writeFileSync(halfDescribed?.file ?? '', 'whole');
  writeFileSync(`${halfDescribed?.file.replace('.snapshot', '.json')}.tmp`, '{"version":1,');
  await put(cache, key('removed'));
  rmSync(cache.find(key('removed')) ?? '');
  // Nobody but a failing disk does this.
  await put(cache, key('cut'));
  truncateSync(cache.find(key('cut')) ?? '', 50);
  writeFileSync(join(folder, 'strange.json'), '{}');

  const next = await openCache();
  for (const name of ['written', 'undescribed', 'half', 'removed', 'cut'])
    expect(next.find(key(name)), name).toBeUndefined();
  expect(next.find(key('whole'))).toBeDefined();
  expect(readdirSync(folder)).toHaveLength(2);
});

test('the budget holds: the least recently used go, also in the order of an earlier process', async () => {
  const first = await openCache();
  for (const name of ['a', 'b', 'c']) {
    await put(first, key(name), 300);
    time += 100_000;
  }
  first.find(key('a'));
  await first.close();
  const cache = await openCache();
  expect(await put(cache, key('d'), 300)).toBe(true);
  expect(cache.find(key('b'))).toBeUndefined();
  for (const name of ['a', 'c', 'd']) expect(cache.find(key(name)), name).toBeDefined();
  expect(await put(cache, key('e'), 1_001)).toBe(false);
  await cache.close();
  expect(cache.bytes).toBe(900);
  expect(readdirSync(folder)).toHaveLength(6);
  expect((await openCache(300)).count).toBe(1);
});

test('an action that changes loses its snapshots, those that are just being taken included', async () => {
  const cache = await openCache();
  await put(cache, key('a', { revision: '1-a' }));
  await put(cache, key('a', { revision: '1-a', namespace: 'other' }));
  await put(cache, key('a', { revision: '2-b' }));
  await put(cache, key('b'));
  const draft = cache.begin(key('a', { revision: '1-x' }));
  writeFileSync(draft?.file ?? '', 'late');
  cache.dropAction('guest/a', 'test', '2-b');
  expect(await draft?.commit()).toBe(false);
  expect([...cache.actions()].map(([action, revisions]) => [action, [...revisions]])).toEqual([
    ['guest/a', ['2-b']],
    ['guest/b', ['1-a']],
  ]);
  cache.dropAction('guest/a', 'test');
  await cache.close();
  expect(readdirSync(folder)).toHaveLength(2);
});

test('one at a time is taken of a function, and none that there is already', async () => {
  const cache = await openCache();
  const draft = cache.begin(key('a'));
  expect(cache.begin(key('a'))).toBeUndefined();
  // What a tender that was killed left.
  writeFileSync(`${draft?.file}.123.tmp`, 'half');
  await draft?.discard();
  expect(readdirSync(folder)).toEqual([]);
  await put(cache, key('a'));
  expect(cache.begin(key('a'))).toBeUndefined();
});

test('what cannot be taken is not tried for ever', async () => {
  const cache = await openCache();
  for (let n = 0; n < 3; n++) {
    await cache.begin(key('a'))?.discard();
    cache.failed(key('a'));
  }
  expect(cache.begin(key('a'))).toBeUndefined();
  expect(cache.begin(key('a', { revision: '2-b' }))).toBeDefined();
});

test('one whose activations fail is dropped: at once when they are fatal, else the second time in a row', async () => {
  const cache = await openCache();
  for (const name of ['fatal', 'failing', 'mixed']) await put(cache, key(name));
  cache.struck(key('fatal'), true);
  expect(cache.find(key('fatal'))).toBeUndefined();
  cache.struck(key('mixed'), false);
  cache.worked(key('mixed'));
  cache.struck(key('mixed'), false);
  expect(cache.find(key('mixed'))).toBeDefined();
  for (let n = 0; n < 2; n++) cache.struck(key('failing'), false);
  expect(cache.find(key('failing'))).toBeUndefined();
});
