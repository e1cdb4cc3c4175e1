/**
 * Frames of the channel between the hosted side and ebbtender: a 16-byte header {u32 payload length, u8 type, u8 stream, u16 0,
 * u64 wall clock in ns}, little-endian, then the payload.
 *
 * Invariant: no frame is buffered beyond maxPayload; whatever breaks the format is a FrameError, after which nothing more is read.
 * The tender is trusted to confine the guest, yet it carries the guest's bytes: lengths are checked here all the same.
 */

export const frameTypes = {
  ready: 1,
  log: 2,
  exit: 3,
  stats: 4,
  synced: 5,
  parked: 6,
  resumed: 7,
  captured: 8,
  broker: 9,
  sync: 16,
  statsRequest: 17,
  end: 18,
  clone: 19,
  park: 20,
  resume: 21,
  capture: 22,
  commit: 23,
} as const;

export const logStreams = ['stdout', 'stderr', 'kernel', 'trace'] as const;

export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly timeNs: bigint;
  readonly payload: Buffer;
}

export class FrameError extends Error {}

const HEADER_SIZE = 16;

/** One log record is at most the guest's whole data area. */
export const maxPayload = 4 * 2 ** 20;

export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array(0), stream = 0, timeNs = 0n): Buffer {
  const frame = Buffer.alloc(HEADER_SIZE + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt8(type, 4);
  frame.writeUInt8(stream, 5);
  frame.writeBigUInt64LE(timeNs, 8);
  frame.set(payload, HEADER_SIZE);
  return frame;
}

/** Cuts a byte stream into frames. */
export class FrameParser {
  readonly #parts: Buffer[] = [];
  #size = 0;

  /** The frames that `chunk` completes. Their payloads may share memory with the chunk. */
  push(chunk: Buffer): Frame[] {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    const frames: Frame[] = [];
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) frames.push(frame);
    return frames;
  }

  /** True between frames: an end of the stream cuts none. */
  get isEmpty(): boolean {
    return this.#size === 0;
  }

  #take(): Frame | undefined {
    if (this.#size < HEADER_SIZE) return undefined;
    const header = this.#first(HEADER_SIZE);
    const length = header.readUInt32LE(0);
    if (length > maxPayload) throw new FrameError(`frame of ${length} bytes`);
    if (header.readUInt16LE(6) !== 0) throw new FrameError('frame with unknown flags');
    if (this.#size < HEADER_SIZE + length) return undefined;
    const frame = this.#first(HEADER_SIZE + length);
    const rest = (this.#parts[0] as Buffer).subarray(HEADER_SIZE + length);
    this.#size = rest.length + this.#parts.slice(1).reduce((sum, part) => sum + part.length, 0);
    if (rest.length > 0) this.#parts[0] = rest;
    else this.#parts.shift();
    return {
      type: frame.readUInt8(4),
      stream: frame.readUInt8(5),
      timeNs: frame.readBigUInt64LE(8),
      payload: frame.subarray(HEADER_SIZE),
    };
  }

  /** The first `size` bytes, made contiguous once: a large frame that came in many chunks is not copied per chunk. */
  #first(size: number): Buffer {
    const first = this.#parts[0] as Buffer;
    if (first.length >= size) return first.subarray(0, size);
    let count = 0;
    for (let have = 0; have < size; count++) have += (this.#parts[count] as Buffer).length;
    const joined = Buffer.concat(this.#parts.slice(0, count));
    this.#parts.splice(0, count, joined);
    return joined.subarray(0, size);
  }
}
