/**
 * The runtime's own writes to the action's output streams: error lines and the sentinels that end an activation.
 *
 * Invariant: what the runtime writes comes after everything that the action wrote before, and `drained` resolves only when all of
 * it has left the process. A host that reads the streams after the answer therefore finds every byte there.
 *
 * The functions used here are captured at load: an action that replaces console.log or process.stdout.write captures its
 * own output only. Left out: framing by activation, which is the host's business (sentinels can be forged, so
 * nobody may rely on them).
 */
import { writeSync } from 'node:fs';
import { format } from 'node:util';

const sentinelLine = Buffer.from('XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n');

class Output {
  readonly #fd: number;
  readonly #open: () => NodeJS.WriteStream;
  #stream: NodeJS.WriteStream | undefined;
  #write: NodeJS.WriteStream['write'] | undefined;

  constructor(fd: number, open: () => NodeJS.WriteStream) {
    this.#fd = fd;
    this.#open = open;
  }

  write(bytes: Buffer): void {
    const stream = this.#get();
    let rest = bytes;
    // Straight to the descriptor when nothing is queued before it: a third of the cost of the stream's write.
    if (stream.writableLength === 0) {
      try {
        const written = writeSync(this.#fd, bytes);
        if (written === bytes.length) return;
        rest = bytes.subarray(written);
      } catch (error) {
        // A full pipe: the stream waits for room. Anything else (the action closed it) leaves nobody to tell.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      }
    }
    if (stream.writable) this.#write?.call(stream, rest);
  }

  /** Undefined when nothing is queued, which is nearly always. */
  drained(): Promise<void> | undefined {
    const stream = this.#get();
    if (stream.writableLength === 0 || !stream.writable) return undefined;
    return new Promise((resolve) => {
      this.#write?.call(stream, '', undefined, () => resolve());
    });
  }

  #get(): NodeJS.WriteStream {
    if (this.#stream === undefined) {
      this.#stream = this.#open();
      this.#write = Object.getPrototypeOf(this.#stream).write as NodeJS.WriteStream['write'];
    }
    return this.#stream;
  }
}

const standardOutput = new Output(1, () => process.stdout);
const standardError = new Output(2, () => process.stderr);

/** A line on the action's stderr, formatted as by console.error. */
export function logError(...values: unknown[]): void {
  standardError.write(Buffer.from(`${format(...values)}\n`));
}

/** Ends an activation's output on both streams. */
export function writeSentinels(): void {
  standardOutput.write(sentinelLine);
  standardError.write(sentinelLine);
}

/** Resolves when all that was written to both streams has left the process; undefined when that is so already. */
export function outputDrained(): Promise<unknown> | undefined {
  const out = standardOutput.drained();
  const error = standardError.drained();
  return out === undefined && error === undefined ? undefined : Promise.all([out, error]);
}
