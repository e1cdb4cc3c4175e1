import { expect, test } from 'vitest';
import { CodeCache } from './code-cache.ts';

test('holds what fits, the least recently used go', () => {
  const cache = new CodeCache(100);
  for (const key of ['a', 'b']) cache.put(key, Buffer.alloc(40, key));
  expect(cache.get('a')).toEqual(Buffer.alloc(40, 'a'));
  cache.put('c', Buffer.alloc(40, 'c'));
  expect([cache.has('a'), cache.has('b'), cache.has('c'), cache.bytes]).toEqual([true, false, true, 80]);
  cache.put('a', Buffer.alloc(10));
  expect(cache.bytes).toBe(50);
  cache.put('large', Buffer.alloc(101));
  expect([cache.has('large'), cache.bytes]).toEqual([false, 50]);
});
