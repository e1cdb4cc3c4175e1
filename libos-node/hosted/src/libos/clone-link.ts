/**
 * One clone behind a template server: the connection that asked for it is its channel until it ends.
 *
 * Invariant: `ended` settles once, after the last frame was delivered. Closing the connection ends the VM.
 */
import { connect, type Socket } from 'node:net';
import { captureClone } from './capture.ts';
import { encodeFrame, type Frame, FrameParser, frameTypes } from './frames.ts';
import { Tail } from './log-buffer.ts';
import { type BrokerEnd, parseBrokerEnd } from './reports.ts';
import type { TenderEnd, TenderEvents, TenderLink } from './tender-process.ts';

/** How long the clone's broker has to end by itself before the connection is closed on it. */
const graceMs = 2_000;

let lastNumber = 0;

export class CloneLink implements TenderLink {
  readonly stderr = new Tail(8192);
  readonly ended: Promise<TenderEnd>;
  readonly #serverPath: string;
  readonly #id = `clone-${++lastNumber}`;
  readonly #socket: Socket;
  #failure: Error | undefined;
  #broker: BrokerEnd | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(serverPath: string, args: readonly string[], events: TenderEvents) {
    this.#serverPath = serverPath;
    this.#socket = connect(serverPath);
    const parser = new FrameParser();
    this.#socket.on('data', (chunk: Buffer) => {
      let frames: readonly Frame[] = [];
      try {
        frames = parser.push(chunk);
      } catch (error) {
        this.#failure ??= error as Error;
        this.#socket.destroy();
      }
      for (const frame of frames) {
        if (frame.type === frameTypes.broker) this.#onBrokerEnd(frame);
        else events.onFrame(frame);
      }
    });
    this.#socket.on('error', (error) => {
      this.#failure ??= error;
    });
    this.ended = new Promise((resolve) => {
      this.#socket.once('close', () => {
        clearTimeout(this.#closeTimer);
        if (!parser.isEmpty) this.#failure ??= new Error('the last frame was cut off');
        const { status, signal } = this.#broker ?? {};
        resolve({ status, signal, failure: this.#failure });
      });
    });
    this.send(frameTypes.clone, Buffer.from([...args, '--id', this.#id].map((arg) => `${arg}\0`).join('')));
  }

  capture(file: string, state: Uint8Array, resume: () => Promise<boolean>): Promise<void> {
    return captureClone({ serverPath: this.#serverPath, id: this.#id, file, state, resume });
  }

  /** Once it has ended. */
  get pid(): number | undefined {
    return this.#broker?.pid;
  }

  #onBrokerEnd({ payload }: Frame): void {
    this.#broker = parseBrokerEnd(payload);
    this.stderr.push(Buffer.from(this.#broker.stderr));
  }

  send(type: number, payload?: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(type, payload));
  }

  end(): void {
    if (this.#closeTimer !== undefined) return;
    this.send(frameTypes.end);
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), graceMs);
    this.#closeTimer.unref();
  }
}
