/**
 * The last lines that a VM wrote, for whoever looks at it while it lives: `npm run logs`.
 *
 * Bounded whatever the guest writes: by bytes, where each line also counts as an object, and by the length of a line,
 * of which the rest is cut. The runtime's sentinels are dropped. Left out: which activation wrote a line; activations
 * collect their own logs (LogCollector).
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
const kMaxLineBytes = 8 * 1024;
/** What a line costs beside its text. */
const kLineBytes = 64;
const kNewline = 0x0a;

export class RecentLogs {
  readonly #partials: Record<LogRecord['stream'], PartialLine | undefined> = { stdout: undefined, stderr: undefined };
  readonly #followers = new Set<Follower>();
  /** From `#first` on; what is before it was dropped and is cut off now and then. */
  #lines: LogLine[] = [];
  #first = 0;
  #bytes = 0;
  #ended = false;

  add({ stream, time, bytes }: LogRecord): void {
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(kNewline, from);
      const end = newline === -1 ? bytes.length : newline;
      this.#partials[stream] ??= new PartialLine(time, kMaxLineBytes);
      this.#partials[stream].append(bytes.subarray(from, end));
      if (newline !== -1) this.#endLine(stream);
      from = end + 1;
    }
  }

  /** The lines so far, the unfinished ones last. */
  lines(): LogLine[] {
    const unfinished = (['stdout', 'stderr'] as const).flatMap((stream) => {
      const line = lineOf(stream, this.#partials[stream]);
      return line === undefined || line.text === '' ? [] : [line];
    });
    return [...this.#lines.slice(this.#first), ...unfinished];
  }

  /** Gives each finished line so far and from now on, then the end; the returned function stops it. */
  follow(follower: Follower): () => void {
    for (const line of this.#lines.slice(this.#first)) follower.onLine(line);
    if (this.#ended) follower.onEnd();
    else this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  /** The VM has ended: nothing more comes. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endLine('stdout');
    this.#endLine('stderr');
    for (const follower of this.#followers) follower.onEnd();
    this.#followers.clear();
  }

  #endLine(stream: LogRecord['stream']): void {
    const line = lineOf(stream, this.#partials[stream]);
    this.#partials[stream] = undefined;
    if (line === undefined) return;
    this.#lines.push(line);
    this.#bytes += costOf(line);
    for (; this.#bytes > kMaxBytes; this.#first += 1) {
      const oldest = this.#lines[this.#first];
      if (oldest === undefined) break;
      this.#bytes -= costOf(oldest);
    }
    if (this.#first > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
    for (const follower of this.#followers) follower.onLine(line);
  }
}

function lineOf(stream: LogRecord['stream'], partial: PartialLine | undefined): LogLine | undefined {
  const text = partial && withoutSentinel(partial.bytes())?.toString();
  return partial === undefined || text === undefined ? undefined : { time: partial.time, stream, text };
}

/** A character takes up to two bytes of the host's memory. */
function costOf({ text }: LogLine): number {
  return kLineBytes + 2 * text.length;
}
