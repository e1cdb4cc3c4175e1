/**
 * The HTTP face of the contract: POST /init and POST /run with JSON both ways, anything else "Bad request.". Beyond the contract, POST
 * /code-cache: with a body, V8's code cache for the text that the next /init brings; without one, the answer is that of the action, in base64. POST
 * /collect collects garbage, for a snapshot that is taken next.
 *
 * It is on the path of every activation: plain requests are read from the socket (plain-request.ts), and a connection that brings anything else is
 * node:http's from then on. No timers (an idle guest must not wake up), no Date header, one write per answer. Connections
 * are kept for ever; who opened them closes them.
 */
import * as http from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { BodyReader, forget } from './body.ts';
import { type Answer, errorAnswer } from './errors.ts';
import { logError } from './logs.ts';
import { readPlainRequest } from './plain-request.ts';
import type { ActionService } from './service.ts';

/** As the stock runtime: the 48 MB limit of an action's code holds for the body that carries it. */
export const bodyLimit = 48 * 1024 * 1024;

type Reply = (answer: Answer) => void;

/** What happens on a path. */
type Routes = ReadonlyMap<string, (body: Buffer, reply: Reply) => void>;

/** `beforeRequest` runs before anything of a request is looked at. */
export function createActionServer(service: ActionService, beforeRequest?: () => void): Server {
  const routes: Routes = new Map([
    ['/run', (body, reply) => answer((message) => service.run(message), body, reply)],
    ['/init', (body, reply) => answer((message) => service.init(message), body, reply)],
    ['/code-cache', answerCodeCache],
    ['/collect', answerCollect],
  ]);
  let complete: http.Server | undefined;
  // A sender may have said all that it will say, and wait for the answer.
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    new Connection(socket, routes, beforeRequest, (bytes) => {
      complete ??= createCompleteServer(routes, beforeRequest);
      complete.emit('connection', socket);
      socket.unshift(bytes);
      socket.resume();
    });
  });
}

/** One after the other: what comes while a request is being answered waits in the socket. */
class Connection {
  readonly #socket: Socket;
  readonly #routes: Routes;
  readonly #beforeRequest: (() => void) | undefined;
  readonly #handOver: (bytes: Buffer) => void;
  #busy = false;
  #ended = false;
  /** The one piece that had come before the socket paused. */
  #waiting: Buffer | undefined;
  readonly #onData = (bytes: Buffer): void => this.#read(bytes);
  readonly #onEnd = (): void => {
    this.#ended = true;
    if (!this.#busy) this.#socket.end();
  };
  readonly #reply: Reply = (answer) => {
    this.#busy = false;
    this.#socket.write(responseText(answer));
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      this.#socket.resume();
      this.#read(waiting);
    } else if (this.#ended) {
      this.#socket.end();
    }
  };

  constructor(
    socket: Socket,
    routes: Routes,
    beforeRequest: (() => void) | undefined,
    handOver: (bytes: Buffer) => void,
  ) {
    this.#socket = socket;
    this.#routes = routes;
    this.#beforeRequest = beforeRequest;
    this.#handOver = handOver;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', ignore);
  }

  #read(bytes: Buffer): void {
    if (this.#busy) {
      this.#waiting = bytes;
      this.#socket.pause();
      return;
    }
    const request = readPlainRequest(bytes);
    const handle = request && this.#routes.get(request.path);
    if (request !== undefined && handle !== undefined) {
      this.#busy = true;
      this.#beforeRequest?.();
      handle(request.body, this.#reply);
    } else if (this.#ended) {
      // Nothing can be put back into a socket that has ended.
      this.#reply(errorAnswer('BAD_REQUEST'));
    } else {
      this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('error', ignore).pause();
      this.#handOver(bytes);
    }
  }
}

/** The sender is gone: it will miss nothing. */
function ignore(): void {}

function responseText({ status, body }: Answer): string {
  return `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function createCompleteServer(routes: Routes, beforeRequest: (() => void) | undefined): http.Server {
  const server = http.createServer(
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
    (request, response) => {
      beforeRequest?.();
      const handle = request.method === 'POST' ? routes.get(pathOf(request.url ?? '')) : undefined;
      const reply = (answer: Answer) => send(response, answer);
      new BodyReader(request, bodyLimit, (bytes) => {
        if (bytes === undefined) reply(errorAnswer('BODY_TOO_LARGE', `${bodyLimit} bytes.`));
        else if (handle === undefined) reply(errorAnswer('BAD_REQUEST'));
        else handle(bytes, reply);
      });
    },
  );
  server.timeout = 0;
  return server;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function answer(
  handle: (message: Readonly<Record<string, unknown>>) => Promise<Answer>,
  bytes: Buffer,
  reply: Reply,
): void {
  let body: unknown;
  try {
    const text = bytes.toString();
    forget(bytes);
    body = text === '' ? {} : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (typeof body !== 'object' || body === null) {
    reply(errorAnswer('BAD_REQUEST'));
    return;
  }
  handle(body as Record<string, unknown>).then(reply, (error: unknown) => {
    logError('Internal system error:', error);
    reply(errorAnswer('INTERNAL'));
  });
}

function answerCodeCache(bytes: Buffer, reply: Reply): void {
  const { giveCodeCache, makeCodeCache } = require('./code-cache.ts') as typeof import('./code-cache.ts');
  if (bytes.length > 0) giveCodeCache(bytes);
  const made = bytes.length > 0 ? undefined : makeCodeCache();
  reply({ status: 200, body: JSON.stringify(made === undefined ? {} : { data: made.toString('base64') }) });
}

function answerCollect(_bytes: Buffer, reply: Reply): void {
  const { collect } = require('./collect.ts') as typeof import('./collect.ts');
  collect();
  reply({ status: 200, body: '{}' });
}

function send(response: http.ServerResponse, { status, body }: Answer): void {
  response.sendDate = false;
  response.writeHead(status, [
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ]);
  response.end(body);
}
