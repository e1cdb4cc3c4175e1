/**
 * HTTP to one VM: POST /init and /run, kept alive, over its unix socket or (a container's) over TCP. No request is ever repeated, none outlives
 * its time limit, and of a response no more than the truncation limit is held, whatever the guest sends.
 */

import { Client, type Dispatcher, Pool } from 'undici';

export interface ResponseLimits {
  /** A longer body is cut; see VmResponse.truncated. */
  readonly maxBytes: number;
  /** How much of a body that is too long is kept. */
  readonly truncationBytes: number;
}

export type VmReply =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly body: string;
      /** Set when the body was longer than allowed: its whole length in bytes. */
      readonly truncated: number | undefined;
    }
  | { readonly kind: 'timeout' }
  /** The connection could not be made or broke before the answer was complete. */
  | { readonly kind: 'lost'; readonly error: Error };

/** A body that goes on beyond this is not read to its end: the guest may send for ever. */
const kDrainBytes = 64 * 1024 * 1024;

/** Of the action contract, and what the runtime has beside it (libos-node/runtime). */
export type VmPath = '/init' | '/run' | '/code-cache' | '/collect';

export class VmClient {
  readonly #connect: () => Client | Pool;
  #dispatcher: Client | Pool;

  /** `address`: the path of a unix socket, or `http://host:port`. */
  constructor(address: string, connections: number) {
    const isTcp = address.startsWith('http://');
    // The guest decides how long it keeps a connection; the invoker has its own time limits.
    const options = {
      ...(isTcp ? {} : { socketPath: address }),
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 600_000,
      keepAliveMaxTimeout: 600_000,
      allowH2: false,
    };
    const origin = isTcp ? address : 'http://vm';
    this.#connect = () =>
      connections > 1 ? new Pool(origin, { ...options, connections }) : new Client(origin, options);
    this.#dispatcher = this.#connect();
  }

  /** Never rejects. */
  post(path: VmPath, body: string | Buffer, timeoutMs: number, limits: ResponseLimits): Promise<VmReply> {
    return new Promise((resolve) => {
      const exchange = new Exchange(limits, resolve);
      const timer = setTimeout(() => exchange.timeOut(), timeoutMs);
      exchange.onSettled = () => clearTimeout(timer);
      try {
        this.#dispatcher.dispatch({ path, method: 'POST', headers: requestHeaders, body }, exchange);
      } catch (error) {
        exchange.onResponseError(undefined, error as Error);
      }
    });
  }

  /** As close(), but later posts are made over new connections. */
  async disconnect(): Promise<void> {
    const old = this.#dispatcher;
    this.#dispatcher = this.#connect();
    await old.destroy();
  }

  /** Breaks all connections; pending posts end as lost. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

const requestHeaders = ['content-type', 'application/json', 'accept', 'application/json'];

/** undici's dispatch interface instead of request(): no stream objects per call on the hot path. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #limits: ResponseLimits;
  readonly #resolve: (reply: VmReply) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #declared: number | undefined;
  #received = 0;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  onSettled: () => void = () => {};

  constructor(limits: ResponseLimits, resolve: (reply: VmReply) => void) {
    this.#limits = limits;
    this.#resolve = resolve;
  }

  timeOut(): void {
    this.#settle({ kind: 'timeout' });
    this.#controller?.abort(new Error('time limit'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(new Error('time limit'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    const length = headers['content-length'];
    this.#declared = typeof length === 'string' && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { maxBytes, truncationBytes } = this.#limits;
    this.#received += chunk.length;
    const room = Math.max(maxBytes, truncationBytes) - this.#keptBytes;
    if (room > 0) {
      const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
      this.#kept.push(part);
      this.#keptBytes += part.length;
    }
    if (this.#received > kDrainBytes) {
      this.#finish();
      controller.abort(new Error('response too long'));
    }
  }

  onResponseEnd(): void {
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle({ kind: 'lost', error });
  }

  #finish(): void {
    const length = Math.max(this.#received, this.#received > kDrainBytes ? (this.#declared ?? 0) : 0);
    const tooLong = length > this.#limits.maxBytes;
    const first = this.#kept[0];
    const bytes = this.#kept.length === 1 && first !== undefined ? first : Buffer.concat(this.#kept);
    const body = tooLong ? cutUtf8(bytes, this.#limits.truncationBytes).toString() : bytes.toString();
    this.#settle({ kind: 'response', status: this.#status, body, truncated: tooLong ? length : undefined });
  }

  #settle(reply: VmReply): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#kept = [];
    this.onSettled();
    this.#resolve(reply);
  }
}

/** The longest prefix of at most `max` bytes that does not end inside a character. */
export function cutUtf8(bytes: Buffer, max: number): Buffer {
  if (bytes.length <= max) return bytes;
  let end = max;
  // A continuation byte (10xxxxxx) at the cut belongs to a character that began before it.
  for (let back = 0; back < 3 && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80; back += 1) end -= 1;
  return bytes.subarray(0, end);
}
