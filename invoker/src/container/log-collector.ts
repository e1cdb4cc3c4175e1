/**
 * Turns the log records of a VM into the log lines of activations.
 *
 * Records may end anywhere, inside a line or a character; a line belongs to the moment its first byte was written.
 * The end of an activation's logs is known from outside (Vm.flushLogs after the answer), never from the text: the
 * runtime's sentinel lines are only dropped, since a guest can write them too. Memory is bounded by the log limit,
 * which counts whole formatted lines, so that empty lines are not free.
 */

import type { LogRecord } from '@ebbwhisk/libos-node';
import { activationErrorText } from '../activation/errors.ts';
import { cutUtf8 } from './vm-client.ts';

type Stream = LogRecord['stream'];

const kSentinel = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX';
const kNewline = 0x0a;
const kReturn = 0x0d;
const kMiB = 1024 * 1024;
/** Bytes of a formatted line beside its text: padded time, blank, `stdout: `, newline. */
const kLineOverhead = 30 + 1 + 8 + 1;
const kFirstChunk = 256;

export function formatLogLine(time: number, stream: Stream, text: string): string {
  return `${new Date(time).toISOString().padEnd(30)} ${stream}: ${text}`;
}

export class LogCollector {
  readonly #limitBytes: number;
  readonly #partials: Record<Stream, PartialLine | undefined> = { stdout: undefined, stderr: undefined };
  #lines: string[] = [];
  #usedBytes = 0;
  #truncatedAt: number | undefined;

  /** `limitMb` 0 collects nothing. */
  constructor(limitMb: number) {
    this.#limitBytes = limitMb * kMiB;
  }

  add(record: LogRecord): void {
    if (this.#limitBytes === 0) return;
    const { stream, time, bytes } = record;
    for (let from = 0; from < bytes.length && this.#truncatedAt === undefined; ) {
      const newline = bytes.indexOf(kNewline, from);
      const end = newline === -1 ? bytes.length : newline;
      this.#partials[stream] ??= new PartialLine(time, this.#limitBytes + kSentinel.length + 2);
      this.#partials[stream].append(bytes.subarray(from, end));
      if (newline !== -1) this.#endLine(stream);
      from = end + 1;
    }
  }

  /** The lines since the last call; unfinished ones end here. */
  take(): string[] {
    this.#endLine('stdout');
    this.#endLine('stderr');
    const lines = this.#lines;
    if (this.#truncatedAt !== undefined) {
      lines.push(formatLogLine(this.#truncatedAt, 'stderr', activationErrorText.logsTruncated(this.#limitBytes)));
    }
    this.#lines = [];
    this.#usedBytes = 0;
    this.#truncatedAt = undefined;
    return lines;
  }

  #endLine(stream: Stream): void {
    const partial = this.#partials[stream];
    if (partial === undefined) return;
    this.#partials[stream] = undefined;
    if (this.#truncatedAt !== undefined) return;
    const text = withoutSentinel(partial.bytes());
    if (text === undefined) return;
    const room = this.#limitBytes - this.#usedBytes - kLineOverhead;
    this.#usedBytes += text.length + kLineOverhead;
    if (text.length <= room) {
      this.#lines.push(formatLogLine(partial.time, stream, text.toString()));
      return;
    }
    this.#truncatedAt = partial.time;
    const kept = cutUtf8(text, Math.max(0, room)).toString();
    if (kept !== '') this.#lines.push(formatLogLine(partial.time, stream, kept));
  }
}

/** The text of a line; undefined when it was nothing but a sentinel. A sentinel may follow output that did not end its line. */
export function withoutSentinel(line: Buffer): Buffer | undefined {
  let end = line.length;
  if (line[end - 1] === kReturn) end -= 1;
  const start = end - kSentinel.length;
  if (start < 0 || line.toString('latin1', start, end) !== kSentinel) return line.subarray(0, end);
  return start === 0 ? undefined : line.subarray(0, start);
}

/** A line of which the end has not come yet. One growing buffer: a guest that writes byte by byte must not cost an object a byte. */
export class PartialLine {
  readonly time: number;
  readonly #max: number;
  #buffer: Buffer | undefined;
  #length = 0;

  constructor(time: number, max: number) {
    this.time = time;
    this.#max = max;
  }

  append(bytes: Uint8Array): void {
    const part = bytes.subarray(0, this.#max - this.#length);
    if (part.length === 0) return;
    const needed = this.#length + part.length;
    if (this.#buffer === undefined || this.#buffer.length < needed) {
      const grown = Buffer.allocUnsafe(Math.max(kFirstChunk, needed, 2 * this.#length));
      this.#buffer?.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    this.#buffer.set(part, this.#length);
    this.#length = needed;
  }

  bytes(): Buffer {
    return this.#buffer?.subarray(0, this.#length) ?? Buffer.alloc(0);
  }
}
