/**
 * The HTTP face of the contract: POST /init and POST /run with JSON both ways, anything else "Bad request.". Beyond the contract, POST
 * /code-cache: with a body, V8's code cache for the text that the next /init brings; without one, the answer is that of the action, in base64.
 *
 * It is on the path of every activation, so it is node:http with as little around it as possible: no framework, no timers (an idle
 * guest must not wake up), no Date header, one write per answer. Connections are kept for ever; who opened them closes them.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Answer, errorAnswer } from './errors.ts';
import { logError } from './logs.ts';
import type { ActionService } from './service.ts';

/** As the stock runtime: the 48 MB limit of an action's code holds for the body that carries it. */
export const bodyLimit = 48 * 1024 * 1024;

/** What is read and thrown away of a body beyond the limit, so that its sender can read the answer, before the connection is cut. */
const discardLimit = 4 * bodyLimit;

const maxTimer = 2 ** 31 - 1;

type Handle = (body: Readonly<Record<string, unknown>>) => Promise<Answer>;

/** `beforeRequest` runs before anything of a request is looked at. */
export function createActionServer(service: ActionService, beforeRequest?: () => void): Server {
  const routes = new Map<string, Handle>([
    ['/run', (body) => service.run(body)],
    ['/init', (body) => service.init(body)],
  ]);
  const server = createServer(
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, connectionsCheckingInterval: maxTimer, noDelay: true },
    (request, response) => {
      beforeRequest?.();
      const handle = request.method === 'POST' ? routes.get(pathOf(request.url ?? '')) : undefined;
      readBody(request, (bytes) => {
        if (bytes === undefined) send(response, errorAnswer('BODY_TOO_LARGE', `${bodyLimit} bytes.`));
        else if (request.method === 'POST' && request.url === '/code-cache') answerCodeCache(bytes, response);
        else if (handle === undefined) send(response, errorAnswer('BAD_REQUEST'));
        else answer(handle, bytes, response);
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

function answer(handle: Handle, bytes: Buffer, response: ServerResponse): void {
  let body: unknown;
  try {
    body = bytes.length === 0 ? {} : JSON.parse(bytes.toString());
  } catch {
    body = undefined;
  }
  if (typeof body !== 'object' || body === null) {
    send(response, errorAnswer('BAD_REQUEST'));
    return;
  }
  handle(body as Record<string, unknown>).then(
    (result) => send(response, result),
    (error: unknown) => {
      logError('Internal system error:', error);
      send(response, errorAnswer('INTERNAL'));
    },
  );
}

function answerCodeCache(bytes: Buffer, response: ServerResponse): void {
  const { giveCodeCache, makeCodeCache } = require('./code-cache.ts') as typeof import('./code-cache.ts');
  if (bytes.length > 0) giveCodeCache(bytes);
  const made = bytes.length > 0 ? undefined : makeCodeCache();
  send(response, { status: 200, body: JSON.stringify(made === undefined ? {} : { data: made.toString('base64') }) });
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.sendDate = false;
  response.writeHead(status, [
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ]);
  response.end(body);
}

/** Calls `done` once with the whole body, or with undefined when it is beyond the limit; never when the sender goes away. */
function readBody(request: IncomingMessage, done: (bytes: Buffer | undefined) => void): void {
  let first: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > bodyLimit) {
      first = undefined;
      chunks = undefined;
      if (size > discardLimit) request.destroy();
    } else if (first === undefined) {
      first = chunk;
    } else if (chunks === undefined) {
      chunks = [first, chunk];
    } else {
      chunks.push(chunk);
    }
  });
  request.on('end', () => {
    if (size > bodyLimit) done(undefined);
    else done(chunks !== undefined ? Buffer.concat(chunks, size) : (first ?? Buffer.alloc(0)));
  });
}
