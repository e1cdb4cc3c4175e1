import { expect, test } from 'vitest';
import { encodeFrame, FrameError, FrameParser, maxPayload } from './frames.ts';

const frames = [
  encodeFrame(2, Buffer.from('hello'), 1, 123n),
  encodeFrame(1),
  encodeFrame(2, Buffer.alloc(100_000, 7), 0, 2n ** 63n),
];
const stream = Buffer.concat(frames);

test.each([1, 7, 16, 17, 1000, 65_536, 200_000])('cuts frames out of chunks of %i bytes', (size) => {
  const parser = new FrameParser();
  const found = [];
  for (let at = 0; at < stream.length; at += size) found.push(...parser.push(stream.subarray(at, at + size)));
  expect(found.map(({ type, stream: number, timeNs, payload }) => [type, number, timeNs, payload.length])).toEqual([
    [2, 1, 123n, 5],
    [1, 0, 0n, 0],
    [2, 0, 2n ** 63n, 100_000],
  ]);
  expect(found[0]?.payload.toString()).toBe('hello');
  expect(found[2]?.payload.every((byte) => byte === 7)).toBe(true);
  expect(parser.isEmpty).toBe(true);
});

test('knows whether it stands within a frame', () => {
  const parser = new FrameParser();
  parser.push(stream.subarray(0, 18));
  expect(parser.isEmpty).toBe(false);
});

test('refuses lengths and flags that are out of bounds before it waits for their bytes', () => {
  const tooLong = Buffer.alloc(16);
  tooLong.writeUInt32LE(maxPayload + 1, 0);
  expect(() => new FrameParser().push(tooLong)).toThrow(FrameError);
  const flagged = Buffer.alloc(16);
  flagged.writeUInt16LE(1, 6);
  expect(() => new FrameParser().push(flagged)).toThrow(FrameError);
});
