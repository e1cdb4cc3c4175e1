/**
 * Turns the two output pipes of a child process into log records.
 *
 * Invariant: every byte reaches every listener once, per stream in the order of writing. Between the streams the order is that of
 * reading: two pipes do not say more.
 */
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogBuffer, Tail } from '../libos/log-buffer.ts';
import type { LogRecord } from '../vm.ts';

export class LogTap {
  readonly #buffer = new LogBuffer();
  readonly #tail = new Tail();

  constructor(stdout: Readable, stderr: Readable, clock: () => number) {
    stdout.on('data', (bytes: Buffer) => this.#buffer.push({ stream: 'stdout', time: clock(), bytes }));
    stderr.on('data', (bytes: Buffer) => {
      this.#tail.push(bytes);
      this.#buffer.push({ stream: 'stderr', time: clock(), bytes });
    });
  }

  /** The end of what came on stderr, for reports. */
  get stderrTail(): string {
    return this.#tail.toString();
  }

  onLog(listener: (record: LogRecord) => void): () => void {
    return this.#buffer.add(listener);
  }

  /**
   * Resolves when everything was delivered that the child had written before the call.
   *
   * Sound without the child's help: what it wrote lies in the pipes, whose buffers hold about 200 kB, and one turn of the event loop reads up to
   * 2 MB from each readable pipe and emits it at once. The first immediate may end a turn whose poll was before the call, so
   * the second one is the first to come after a whole poll.
   */
  async flush(): Promise<void> {
    await nextTurn();
    await nextTurn();
  }
}
