/**
 * One ebbtender process and the channel to it: frames in, requests out, and the one event of its end.
 *
 * Invariant: `ended` settles once, after the last frame was delivered and the process is reaped. Closing the channel ends the VM,
 * so a host process that dies takes its VMs with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { encodeFrame, type Frame, FrameParser, frameTypes } from './frames.ts';
import { Tail } from './log-buffer.ts';

export interface TenderEnd {
  /** Status of the process, or undefined when a signal ended it or it never started. */
  readonly status: number | undefined;
  readonly signal: string | undefined;
  /** What went wrong on our side of it: it could not be started, or it broke the frame format. */
  readonly failure: Error | undefined;
}

/** What stands behind a VM: a tender that was started for it, or a server's answer to the request for a clone. */
export interface TenderLink {
  /** Words for people: why it failed. */
  readonly stderr: Tail;
  readonly ended: Promise<TenderEnd>;
  /** Undefined when it is not known here; the tender's statistics name its processes too. */
  readonly pid: number | undefined;
  send(type: number, payload?: Uint8Array): void;
  /**
   * Writes the state of the VM, which is parked (`state` is the payload of its PARKED frame), to a file; `resume` is called as soon as
   * the VM has been read. Absent: a VM that is no clone.
   */
  capture?(file: string, state: Uint8Array, resume: () => Promise<boolean>): Promise<void>;
  /** Ends the VM at once. Idempotent. */
  end(): void;
}

export interface TenderEvents {
  onFrame(frame: Frame): void;
}

/** How long the tender has to end by itself before it is killed. */
const graceMs = 2_000;

export class TenderProcess implements TenderLink {
  readonly stderr = new Tail(8192);
  readonly ended: Promise<TenderEnd>;
  readonly #child: ChildProcess;
  readonly #channel: Duplex | undefined;
  #failure: Error | undefined;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(path: string, args: readonly string[], events: TenderEvents) {
    // A session of its own: the terminal's Ctrl-C is the host process's to handle.
    this.#child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env: {}, detached: true });
    this.#child.stderr?.on('data', (bytes: Buffer) => this.stderr.push(bytes));
    this.#channel = this.#child.stdio[3] as Duplex | undefined;
    const parser = new FrameParser();
    this.#channel?.on('data', (chunk: Buffer) => {
      if (this.#failure !== undefined) return;
      let frames: readonly Frame[];
      try {
        frames = parser.push(chunk);
      } catch (error) {
        this.#fail(error);
        return;
      }
      for (const frame of frames) events.onFrame(frame);
    });
    // A tender that ends while we write is seen by its exit; the write's failure tells nothing more.
    this.#channel?.on('error', () => {});
    this.#channel?.on('end', () => {
      if (!parser.isEmpty) this.#failure ??= new Error('the last frame was cut off');
    });
    this.ended = new Promise((resolve) => {
      let straggler: NodeJS.Timeout | undefined;
      const finish = (status: number | null, signal: string | null): void => {
        clearTimeout(this.#killTimer);
        clearTimeout(straggler);
        this.#channel?.destroy();
        resolve({ status: status ?? undefined, signal: signal ?? undefined, failure: this.#failure });
      };
      // `close` comes after `exit` and after the ends of all pipes: every frame was read.
      this.#child.once('close', finish);
      this.#child.once('exit', (status, signal) => {
        straggler = setTimeout(() => finish(status, signal), graceMs);
        straggler.unref();
      });
      this.#child.once('error', (error) => {
        this.#failure ??= error;
        if (this.#child.pid === undefined) finish(null, null);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(type: number, payload?: Uint8Array): void {
    if (this.#channel?.writable === true) this.#channel.write(encodeFrame(type, payload));
  }

  /** Ends the VM at once. The grace is for the tender alone, to reap what it started. */
  end(): void {
    if (this.#killTimer !== undefined) return;
    this.send(frameTypes.end);
    this.#killTimer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    this.#killTimer.unref();
  }

  /** Without any grace. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** After a broken frame nothing that the tender says can be trusted. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#channel?.destroy();
    this.#child.kill('SIGKILL');
  }
}
