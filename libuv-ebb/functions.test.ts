import { expect, test } from 'vitest';
import { documentText, groups, withTable } from './functions.ts';

test('docs/libuv.md lists every function as functions.inc does', () => {
  expect(documentText()).toBe(withTable(documentText()));
});

test('every function is in one group', () => {
  const names = groups().flatMap(({ functions }) => functions.map(({ name }) => name));
  expect(new Set(names).size).toBe(names.length);
  expect(names).toHaveLength(318);
});
