import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { BodyReader, forget } from './body.ts';

function read(chunks: readonly Buffer[], limit: number, announced?: number): Promise<Buffer | undefined> {
  const headers = announced === undefined ? {} : { 'content-length': String(announced) };
  const request = Object.assign(Readable.from(chunks), { headers }) as unknown as IncomingMessage;
  return new Promise((resolve) => {
    new BodyReader(request, limit, resolve);
  });
}

const pieces = (count: number, size: number) =>
  Array.from({ length: count }, (_, n) => Buffer.from(new Uint8Array(size).fill(n)));

test.each([
  ['no chunk', 0, 0],
  ['one', 1, 100],
  ['some', 5, 100],
  ['many', 10, 65_536],
])('a body of %s is read, whether its length was told or not', async (_, count, size) => {
  const expected = Buffer.concat(pieces(count, size));
  expect((await read(pieces(count, size), 1e6, count * size))?.equals(expected)).toBe(true);
  expect((await read(pieces(count, size), 1e6))?.equals(expected)).toBe(true);
});

test('of a large body the chunks are given back at once, but not what is shared with others', async () => {
  const chunks = pieces(10, 65_536);
  const shared = new ArrayBuffer(131_072);
  chunks.push(Buffer.from(shared, 0, 65_536));
  expect((await read(chunks, 1e6, 11 * 65_536))?.length).toBe(11 * 65_536);
  const node = Number(process.versions.node.split('.')[0]);
  if (node >= 22) expect(chunks.slice(0, 10).map(({ length }) => length)).toEqual(Array(10).fill(0));
  expect(shared.byteLength).toBe(131_072);
  const small = Buffer.from('from the pool');
  forget(small);
  expect(small.toString()).toBe('from the pool');
});

test('a body beyond the limit is none', async () => {
  expect(await read(pieces(3, 400_000), 1e6, 1_200_000)).toBeUndefined();
  expect(await read(pieces(3, 400_000), 1e6)).toBeUndefined();
});
