import { expect, test } from 'vitest';
import { ActionCache } from './action-cache.ts';

function document(id: string, rev: string, code = 'x'): string {
  const [namespace, name] = [id.slice(0, id.lastIndexOf('/')), id.slice(id.lastIndexOf('/') + 1)];
  return JSON.stringify({ _id: id, _rev: rev, namespace, name, version: '0.0.1', exec: { kind: 'nodejs:24', code } });
}

function setUp(options: { maxSize?: number } = {}) {
  let now = 0;
  const asked: string[] = [];
  const docs = new Map<string, string>();
  const cache = new ActionCache({
    store: {
      getAction: (id, revision) => {
        asked.push(`${id}@${revision}`);
        return Promise.resolve(docs.get(id));
      },
    },
    clock: { now: () => now, monotonic: () => now },
    expiryMs: 1000,
    ...options,
  });
  return { cache, docs, asked, pass: (ms: number) => (now += ms) };
}

test('a revision is fetched once, also by many at a time, until it was not used for long', async () => {
  const { cache, docs, asked, pass } = setUp();
  docs.set('ns/pkg/a', document('ns/pkg/a', '1-a'));
  const [one, two] = await Promise.all([cache.get('ns/pkg/a', '1-a'), cache.get('ns/pkg/a', '1-a')]);
  expect(one).toBe(two);
  expect(one.id).toBe('ns/pkg/a');
  pass(900);
  await cache.get('ns/pkg/a', '1-a');
  pass(900);
  await cache.get('ns/pkg/a', '1-a');
  expect(asked).toHaveLength(1);
  pass(1001);
  await cache.get('ns/pkg/a', '1-a');
  expect(asked).toHaveLength(2);
});

test('without a revision the newest is asked for every time', async () => {
  const { cache, docs, asked } = setUp();
  docs.set('ns/a', document('ns/a', '1-a'));
  await cache.get('ns/a', null);
  docs.set('ns/a', document('ns/a', '2-b'));
  expect((await cache.get('ns/a', null)).revision).toBe('2-b');
  expect(asked).toEqual(['ns/a@undefined', 'ns/a@undefined']);
  expect(cache.length).toBe(0);
});

test('a revision that is no more, and a failure, are not remembered', async () => {
  const { cache, docs } = setUp();
  await expect(cache.get('ns/a', '1-a')).rejects.toMatchObject({ code: 'ACTION_MISSING' });
  docs.set('ns/a', '{"_id":1}');
  await expect(cache.get('ns/a', '1-a')).rejects.toMatchObject({ code: 'ACTION_UNREADABLE' });
  docs.set('ns/a', document('ns/a', '2-b'));
  expect((await cache.get('ns/a', '1-a')).revision).toBe('2-b');
  expect(cache.length).toBe(0);
});

test('the code held is bounded', async () => {
  const { cache, docs, asked } = setUp({ maxSize: 3000 });
  for (const name of ['a', 'b', 'c', 'd']) docs.set(`ns/${name}`, document(`ns/${name}`, '1-a', 'x'.repeat(900)));
  for (const name of ['a', 'b', 'c', 'a', 'd']) await cache.get(`ns/${name}`, '1-a');
  expect(cache.length).toBe(3);
  await cache.get('ns/a', '1-a');
  expect(asked.filter((each) => each.startsWith('ns/a'))).toHaveLength(1);
  await cache.get('ns/b', '1-a');
  expect(asked.filter((each) => each.startsWith('ns/b'))).toHaveLength(2);
});
