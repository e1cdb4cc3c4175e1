/**
 * Bodies of requests. A large one (the code of an action) is copied into one buffer while it comes, and what it came in is given back at once:
 * left to a collection, chunks and their joined copy would be twice the body in fresh pages, and in the snapshot of the function.
 */
import type { IncomingMessage } from 'node:http';

/** Below, a collection finds it soon enough. */
const large = 256 * 1024;

/** What is read and thrown away of a body beyond the limit, so that its sender can read the answer, before the connection is cut. */
const discarded = 4;

type Done = (bytes: Buffer | undefined) => void;

/** Calls `done` once with the whole body, or with undefined when it is beyond the limit; never when the sender goes away. */
export class BodyReader {
  readonly #limit: number;
  /** As far as the sender tells it. */
  readonly #announced: number;
  #size = 0;
  #chunks: Buffer[] = [];
  #whole: Buffer | undefined;

  constructor(request: IncomingMessage, limit: number, done: Done) {
    this.#limit = limit;
    this.#announced = Number(request.headers['content-length'] ?? 0);
    request.on('data', (chunk: Buffer) => {
      this.#add(chunk);
      if (this.#size > discarded * limit) request.destroy();
    });
    request.on('end', () => done(this.#end()));
  }

  #add(chunk: Buffer): void {
    const from = this.#size;
    this.#size += chunk.length;
    if (this.#size > this.#limit) {
      this.#chunks = [];
      this.#whole = undefined;
    } else if (from === 0 && this.#announced >= large && this.#announced <= this.#limit) {
      this.#whole = Buffer.allocUnsafeSlow(this.#announced);
      this.#copy(this.#whole, chunk, 0);
    } else if (this.#whole !== undefined) {
      this.#copy(this.#whole, chunk, from);
    } else {
      this.#chunks.push(chunk);
    }
  }

  #copy(whole: Buffer, chunk: Buffer, at: number): void {
    chunk.copy(whole, at);
    forget(chunk);
  }

  #end(): Buffer | undefined {
    if (this.#size > this.#limit) return undefined;
    const [first = Buffer.alloc(0)] = this.#chunks;
    return (
      this.#whole?.subarray(0, this.#size) ??
      (this.#chunks.length > 1 ? Buffer.concat(this.#chunks, this.#size) : first)
    );
  }
}

/** Gives the memory of a buffer back now, where that is worth it and the buffer has it alone. It is empty from then on. */
export function forget(bytes: Buffer): void {
  const { buffer } = bytes;
  // Smaller ones share their memory. Node 20 cannot.
  if (bytes.length < least || buffer.byteLength !== bytes.length || !(buffer instanceof ArrayBuffer)) return;
  (buffer as { transfer?: (length: number) => unknown }).transfer?.(0);
}

const least = 16 * 1024;
