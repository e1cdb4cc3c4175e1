/**
 * The REST API as a fastify instance: request ids, CORS, basic authentication, bodies as spelling-keeping JSON, errors
 * as `{error, code}`.
 *
 * Invariants: nothing of a body is read before its sender is authenticated; every answer carries X-Request-ID; no text
 * of an unexpected error reaches a client.
 */

import { randomBytes } from 'node:crypto';
import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import { stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Logger } from 'pino';
import { Throttle } from '../auth/throttle.ts';
import type { User, Users } from '../auth/users.ts';
import { parseBody } from '../entity/json.ts';
import { ApiError, apiError, apiErrors } from '../errors.ts';
import type { Activator } from '../invoke/activator.ts';
import type { ControllerSettings } from '../settings.ts';
import type { ActivationReader, EntityStore } from '../store/store.ts';
import { actionRoutes } from './actions.ts';
import { activationRoutes } from './activations.ts';
import { type BuildInfo, infoRoutes } from './info.ts';
import { sendError } from './reply.ts';
import { apiBase, methodNotAllowed, register } from './routes.ts';
import { unsupportedRoutes } from './unsupported.ts';

export interface ApiOptions {
  readonly settings: ControllerSettings;
  readonly users: Users;
  readonly entities: EntityStore;
  readonly activations: ActivationReader;
  readonly activator: Activator;
  readonly build: BuildInfo;
  readonly log: Logger;
  /** Told of every action that was written or deleted, by its id. */
  readonly onChange?: (id: string) => void;
  readonly now?: () => number;
}

const cors = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent',
  'access-control-allow-methods': 'GET, DELETE, POST, PUT, HEAD',
} as const;

/** Longer ids would only fill logs and messages. */
const kMaxRequestId = 256;

export function createApi(options: ApiOptions): FastifyInstance {
  const { settings, users, log } = options;
  const now = options.now ?? Date.now;
  const app: FastifyInstance = fastify({
    logger: false,
    bodyLimit: settings.bodyBytes,
    // Time to send a whole request: 48 MB over a slow line, but not for ever.
    requestTimeout: 300_000,
    exposeHeadRoutes: false,
    // Names have up to 256 characters of three bytes each when encoded; longer ones get their own error.
    routerOptions: { maxParamLength: 4096 },
    genReqId: ({ headers }) => requestId(headers['x-request-id']),
    // Such a request reaches no hook.
    frameworkErrors: (_error, request, reply) =>
      sendError((reply as FastifyReply).header('X-Request-ID', request.id), apiError('MALFORMED_URL')),
  });
  app.decorateRequest('user', null);
  app.decorateRequest('startedAt', 0);
  app.setReplySerializer((payload) => stringifyJson(payload as Json));

  app.addHook('onRequest', async (request, reply) => {
    request.startedAt = now();
    reply.header('X-Request-ID', request.id);
    const inApi = isUnder(apiBase, request.url);
    if (inApi && !isUnder(`${apiBase}/web`, request.url)) reply.headers(cors);
    if (request.method === 'OPTIONS') return reply.headers(cors).send('OK');
    // By the route, not by the URL, which can be spelled in several ways (`/%61pi/...`). Unknown paths of the API too:
    // who is not authenticated learns nothing of them.
    const open = request.is404 ? !inApi : request.routeOptions.config.open === true;
    if (!open) request.user = authenticate(users, request);
    return undefined;
  });

  // Early, by the length announced, so that a body that will be refused is not held in memory.
  app.addHook('preParsing', async (request) => {
    checkPayload(request, Number(request.headers['content-length'] ?? 0), settings);
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
      checkPayload(request, bytes.length, settings);
      done(null, bytes.length === 0 ? undefined : decodeBody(request, bytes));
    } catch (error) {
      done(error as Error);
    }
  });

  app.setErrorHandler((error: FastifyError | Error, request, reply) => {
    const known = error instanceof ApiError ? error : fromFastify(error, settings);
    if (known.status >= 500 && known.code === 'INTERNAL') {
      log.error({ err: error, request: request.id, method: request.method, url: request.url }, 'a request failed');
    }
    return sendError(reply, known);
  });

  app.setNotFoundHandler((request, reply) => {
    const known = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH'].includes(request.method);
    return sendError(reply, known ? apiError('PATH_UNKNOWN') : methodNotAllowed('GET, PUT, POST, DELETE'));
  });

  app.addHook('onResponse', async (request, reply) => {
    const { method, url, id } = request;
    log.debug({ request: id, method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request');
  });

  register(app, [
    ...infoRoutes(settings, options.build),
    ...actionRoutes({
      ...options,
      now,
      onChange: options.onChange ?? (() => {}),
      throttle: new Throttle(settings.throttles, now),
    }),
    ...activationRoutes(options),
    ...unsupportedRoutes(settings),
  ]);
  return app;
}

function isUnder(base: string, url: string): boolean {
  return url.startsWith(base) && ['/', '?', ''].includes(url.charAt(base.length));
}

/** The caller's own id, or a new one; ids of the system (`sid_`) cannot be taken. */
function requestId(header: string | string[] | undefined): string {
  if (typeof header === 'string' && header !== '' && header.length <= kMaxRequestId && !header.startsWith('sid_')) {
    return header;
  }
  return randomBytes(16).toString('hex');
}

const challenge = { 'www-authenticate': 'Basic realm="OpenWhisk secure realm"' };

function authenticate(users: Users, { headers }: FastifyRequest): User {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (encoded === undefined) throw unauthenticated('AUTHENTICATION_MISSING');
  const credentials = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = credentials.indexOf(':');
  const user = colon < 0 ? undefined : users.authenticate(credentials.slice(0, colon), credentials.slice(colon + 1));
  if (user === undefined) throw unauthenticated('AUTHENTICATION_INVALID');
  return user;
}

function unauthenticated(code: 'AUTHENTICATION_MISSING' | 'AUTHENTICATION_INVALID'): ApiError {
  return new ApiError(code, apiErrors[code].text(), challenge);
}

/** Arguments of an invocation have a limit of their own, the namespace's if it has one. */
function checkPayload(request: FastifyRequest, bytes: number, settings: ControllerSettings): void {
  if (request.method !== 'POST' || request.user === null) return;
  const allowed = Math.min(settings.payloadBytes, request.user.limits.maxPayloadSize ?? settings.payloadBytes);
  if (bytes > allowed) throw apiError('ENTITY_TOO_LARGE', 'Request', bytes, allowed);
}

function decodeBody(request: FastifyRequest, bytes: Buffer): Json {
  const type = request.headers['content-type'];
  if (type !== undefined && !/^application\/json *(;|$)/i.test(type)) throw apiError('CONTENT_TYPE_UNSUPPORTED', type);
  return parseBody(bytes);
}

function fromFastify(error: FastifyError | Error, settings: ControllerSettings): ApiError {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const why = `incoming entity size exceeded size limit (${settings.bodyBytes} bytes)!`;
    return new ApiError('MESSAGE_TOO_LARGE', apiErrors.MALFORMED_CONTENT.text(why));
  }
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') {
    return apiError('MALFORMED_CONTENT', 'the length of the body is not the one announced');
  }
  return apiError('INTERNAL');
}
