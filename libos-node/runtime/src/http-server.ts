/**
 * The HTTP face of the contract: POST /init and POST /run with JSON both ways, anything else "Bad request.". Beyond the contract, POST
 * /code-cache: with a body, V8's code cache for the text that the next /init brings; without one, the answer is that of the action, in base64. POST
 * /collect collects garbage, for a snapshot that is taken next.
 *
 * It is on the path of every activation, so it is node:http with as little around it as possible: no framework, no timers (an idle
 * guest must not wake up), no Date header, one write per answer. Connections are kept for ever; who opened them closes them.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { BodyReader, forget } from './body.ts';
import { type Answer, errorAnswer } from './errors.ts';
import { logError } from './logs.ts';
import type { ActionService } from './service.ts';

/** As the stock runtime: the 48 MB limit of an action's code holds for the body that carries it. */
export const bodyLimit = 48 * 1024 * 1024;

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
      new BodyReader(request, bodyLimit, (bytes) => {
        if (bytes === undefined) send(response, errorAnswer('BODY_TOO_LARGE', `${bodyLimit} bytes.`));
        else if (request.method === 'POST' && request.url === '/code-cache') answerCodeCache(bytes, response);
        else if (request.method === 'POST' && request.url === '/collect') answerCollect(response);
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
    const text = bytes.toString();
    forget(bytes);
    body = text === '' ? {} : JSON.parse(text);
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

function answerCollect(response: ServerResponse): void {
  const { collect } = require('./collect.ts') as typeof import('./collect.ts');
  collect();
  send(response, { status: 200, body: '{}' });
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
