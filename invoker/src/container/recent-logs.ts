/**
 * The last lines that a VM wrote, for whoever looks at it while it lives: `npm run logs`.
 *
 * Records are kept as they came and cut into lines only when somebody looks, because add() is on the path of every
 * activation. Bounded whatever the guest writes: by bytes, where each record also counts as an object, and by the number
 * and the length of the lines shown, of which the rest is cut. The runtime's sentinels are dropped. Left out: which
 * activation wrote a line; activations collect their own logs (LogCollector).
 */

import type { LogRecord } from '@ebbwhisk/libos-node';
import { PartialLine, withoutSentinel } from './log-collector.ts';

export interface LogLine {
  /** When its first byte was written, milliseconds since the epoch. */
  readonly time: number;
  readonly stream: LogRecord['stream'];
  readonly text: string;
}

interface Follower {
  onLine(line: LogLine): void;
  /** The VM has ended. */
  onEnd(): void;
}

const kMaxBytes = 64 * 1024;
const kMaxLines = 1024;
const kMaxLineBytes = 8 * 1024;
/** What a record costs beside its bytes. */
const kRecordBytes = 64;
const kNewline = 0x0a;
const kStreams = ['stdout', 'stderr'] as const;

export class RecentLogs {
  /** From `#first` on; what is before it was dropped and is cut off now and then. */
  #records: LogRecord[] = [];
  #first = 0;
  #bytes = 0;
  /** Per stream, whether what is kept of it begins inside a line whose beginning was dropped. */
  readonly #torn: Record<LogRecord['stream'], boolean> = { stdout: false, stderr: false };
  readonly #followers = new Set<Follower>();
  /** Made with the first follower, and then fed as records come. */
  #live: LineCutter | undefined;
  #ended = false;

  /** Keeps the record itself: its bytes must not change afterwards. */
  add(record: LogRecord): void {
    this.#keep(record);
    if (this.#live !== undefined) this.#hand(this.#live.cut(record));
  }

  /** The lines so far, the unfinished ones last. */
  lines(): LogLine[] {
    const { lines, cutter } = this.#cutKept();
    return [...lines, ...cutter.unfinished()].slice(-kMaxLines);
  }

  /** Gives each finished line so far and from now on, then the end; the returned function stops it. */
  follow(follower: Follower): () => void {
    const { lines, cutter } = this.#cutKept();
    if (this.#ended) lines.push(...cutter.unfinished());
    for (const line of lines.slice(-kMaxLines)) follower.onLine(line);
    if (this.#ended) {
      follower.onEnd();
      return () => {};
    }
    this.#live ??= cutter;
    this.#followers.add(follower);
    return () => {
      this.#followers.delete(follower);
      if (this.#followers.size === 0) this.#live = undefined;
    };
  }

  /** The VM has ended: nothing more comes. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#live !== undefined) this.#hand(this.#live.unfinished());
    for (const follower of this.#followers) follower.onEnd();
    this.#followers.clear();
    this.#live = undefined;
  }

  #hand(lines: readonly LogLine[]): void {
    for (const line of lines) for (const follower of this.#followers) follower.onLine(line);
  }

  #keep(record: LogRecord): void {
    // Of a record beyond the bound its end, as a copy: a view would hold on to all of it.
    const isLong = record.bytes.length > kMaxBytes;
    const kept = isLong ? { ...record, bytes: Uint8Array.from(record.bytes.subarray(-kMaxBytes)) } : record;
    this.#records.push(kept);
    this.#bytes += costOf(kept);
    for (; this.#bytes > kMaxBytes + kRecordBytes; this.#first += 1) {
      const oldest = this.#records[this.#first];
      if (oldest === undefined) break;
      this.#bytes -= costOf(oldest);
      if (oldest.bytes.length > 0) this.#torn[oldest.stream] = oldest.bytes.at(-1) !== kNewline;
    }
    // All that came before it is gone.
    if (isLong) this.#torn[record.stream] = true;
    if (this.#first > this.#records.length / 2) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    }
  }

  #cutKept(): { lines: LogLine[]; cutter: LineCutter } {
    const cutter = new LineCutter(this.#torn);
    const lines: LogLine[] = [];
    for (const record of this.#records.slice(this.#first)) lines.push(...cutter.cut(record));
    return { lines, cutter };
  }
}

/** Cuts records into lines. A line of which only the end is left is not shown. */
class LineCutter {
  readonly #partials: Record<LogRecord['stream'], PartialLine | undefined> = { stdout: undefined, stderr: undefined };
  readonly #torn: Record<LogRecord['stream'], boolean>;

  constructor(torn: Readonly<Record<LogRecord['stream'], boolean>>) {
    this.#torn = { ...torn };
  }

  cut({ stream, time, bytes }: LogRecord): LogLine[] {
    const lines: LogLine[] = [];
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(kNewline, from);
      const end = newline === -1 ? bytes.length : newline;
      this.#partials[stream] ??= new PartialLine(time, kMaxLineBytes);
      this.#partials[stream].append(bytes.subarray(from, end));
      if (newline !== -1) {
        const line = lineOf(stream, this.#partials[stream]);
        this.#partials[stream] = undefined;
        if (line !== undefined && !this.#torn[stream]) lines.push(line);
        this.#torn[stream] = false;
      }
      from = end + 1;
    }
    return lines;
  }

  unfinished(): LogLine[] {
    return kStreams.flatMap((stream) => {
      const line = lineOf(stream, this.#partials[stream]);
      return line === undefined || line.text === '' ? [] : [line];
    });
  }
}

function lineOf(stream: LogRecord['stream'], partial: PartialLine | undefined): LogLine | undefined {
  const text = partial && withoutSentinel(partial.bytes())?.toString();
  return partial === undefined || text === undefined ? undefined : { time: partial.time, stream, text };
}

function costOf({ bytes }: LogRecord): number {
  return kRecordBytes + bytes.length;
}
