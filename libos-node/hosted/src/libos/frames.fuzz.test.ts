/** FrameParser on streams that are damaged and cut anywhere, against a reader that has all of the stream at once. */
import { expect, test } from 'vitest';
import { caseCount, mutate, SeededRandom } from '../../../fuzz/support/mutate.ts';
import { encodeFrame, FrameError, FrameParser, maxPayload } from './frames.ts';

const headerSize = 16;

/** What the format says: the frames up to the first one that is cut off or not one. */
function readAll(stream: Buffer): { frames: string[]; broken: boolean; rest: number } {
  const frames: string[] = [];
  let at = 0;
  while (stream.length - at >= headerSize) {
    const length = stream.readUInt32LE(at);
    if (length > maxPayload || stream.readUInt16LE(at + 6) !== 0) return { frames, broken: true, rest: 0 };
    if (stream.length - at < headerSize + length) break;
    frames.push(stream.toString('hex', at + 4, at + 6) + stream.toString('hex', at + 8, at + headerSize + length));
    at += headerSize + length;
  }
  return { frames, broken: false, rest: stream.length - at };
}

test('whatever the stream and its pieces, the frames are those of the whole', { timeout: 600_000 }, () => {
  const cases = caseCount(6000);
  for (let number = 0; number < cases; number += 1) {
    const random = new SeededRandom(number);
    const sound = Buffer.concat(
      Array.from({ length: 1 + random.below(5) }, () =>
        encodeFrame(
          random.below(20),
          Buffer.alloc(random.below(4) === 0 ? random.below(3000) : random.below(20), 7),
          random.below(5),
        ),
      ),
    );
    const stream = random.below(4) === 0 ? sound : mutate(sound, random);
    const expected = readAll(stream);
    const parser = new FrameParser();
    const found: string[] = [];
    let broken = false;
    for (let at = 0; at < stream.length && !broken; ) {
      const end = at + 1 + random.below(random.below(8) === 0 ? 4000 : 40);
      try {
        for (const { type, stream: name, timeNs, payload } of parser.push(stream.subarray(at, end))) {
          const head = Buffer.alloc(10);
          head.writeUInt8(type, 0);
          head.writeUInt8(name, 1);
          head.writeBigUInt64LE(timeNs, 2);
          found.push(head.toString('hex') + payload.toString('hex'));
        }
      } catch (error) {
        expect(error, `case ${number}`).toBeInstanceOf(FrameError);
        broken = true;
      }
      at = end;
    }
    expect(broken, `case ${number}`).toBe(expected.broken);
    // Frames of the piece that broke the stream are lost with it.
    expect(expected.frames.slice(0, found.length), `case ${number}`).toEqual(found);
    if (!broken) {
      expect(found.length, `case ${number}`).toBe(expected.frames.length);
      expect(parser.isEmpty, `case ${number}`).toBe(expected.rest === 0);
    }
  }
});
