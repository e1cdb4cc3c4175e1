/**
 * Delivers log records to listeners, and keeps those that came before the first one.
 *
 * Invariant: while nobody listens at most maxBytes are held; the oldest records go first, because the last words of a guest say
 * why it died. Listeners are called synchronously: while they work, nothing is read from the tender, which holds the guest back.
 */
import type { LogRecord } from '../vm.ts';

type Listener = (record: LogRecord) => void;

export class LogBuffer {
  readonly #listeners = new Set<Listener>();
  readonly #maxBytes: number;
  #early: LogRecord[] | undefined = [];
  #earlyBytes = 0;

  constructor(maxBytes = 2 ** 20) {
    this.#maxBytes = maxBytes;
  }

  push(record: LogRecord): void {
    if (this.#early === undefined) {
      for (const listener of [...this.#listeners]) listener(record);
      return;
    }
    this.#early.push(record);
    this.#earlyBytes += record.bytes.length;
    while (this.#earlyBytes > this.#maxBytes) this.#earlyBytes -= this.#early.shift()?.bytes.length ?? 0;
  }

  add(listener: Listener): () => void {
    // Each call is a subscription of its own, even of the same function.
    const own: Listener = (record) => listener(record);
    this.#listeners.add(own);
    const early = this.#early;
    this.#early = undefined;
    for (const record of early ?? []) own(record);
    return () => this.#listeners.delete(own);
  }
}

/** The last bytes of a text stream, for error messages. */
export class Tail {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(maxBytes = 4096) {
    this.#maxBytes = maxBytes;
  }

  push(bytes: Uint8Array): void {
    const joined = Buffer.concat([this.#bytes, bytes.subarray(Math.max(0, bytes.length - this.#maxBytes))]);
    this.#bytes = joined.subarray(Math.max(0, joined.length - this.#maxBytes));
  }

  toString(): string {
    return this.#bytes.toString('utf8').trim();
  }
}

/** Cuts a byte stream into lines; a line beyond maxLine is cut in pieces. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #maxLine: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLine: (line: string) => void, maxLine = 16_384) {
    this.#onLine = onLine;
    this.#maxLine = maxLine;
  }

  push(bytes: Uint8Array): void {
    let text = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const newline = text.indexOf(10);
      const end = newline >= 0 && newline <= this.#maxLine ? newline : text.length > this.#maxLine ? this.#maxLine : -1;
      if (end < 0) break;
      this.#onLine(text.toString('utf8', 0, end));
      text = text.subarray(end === newline ? end + 1 : end);
    }
    this.#rest = Buffer.from(text);
  }

  end(): void {
    if (this.#rest.length > 0) this.#onLine(this.#rest.toString('utf8'));
    this.#rest = Buffer.alloc(0);
  }
}
