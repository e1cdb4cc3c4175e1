/** What a handler may read of a request: caller, names from the path, query values with the stock texts when malformed. */

import type { FastifyRequest } from 'fastify';
import type { User } from '../auth/users.ts';
import { checkNamespace } from '../entity/names.ts';
import { apiError } from '../errors.ts';
import type { ControllerSettings } from '../settings.ts';
import type { ListWindow } from '../store/store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    user: User | null;
    /** When the request came in, milliseconds since the epoch. */
    startedAt: number;
  }
  interface FastifyContextConfig {
    /** Reachable without authentication. */
    open?: boolean;
  }
}

export function userOf(request: FastifyRequest): User {
  if (request.user === null) throw apiError('AUTHENTICATION_MISSING');
  return request.user;
}

export function pathValue(request: FastifyRequest, name: string): string {
  const { params } = request;
  const value = typeof params === 'object' && params !== null ? (params as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}

/** The namespace of the path, which must be the caller's own. `resource` is what a refusal names. */
export function ownNamespace(request: FastifyRequest, entity?: string): string {
  const user = userOf(request);
  const namespace = checkNamespace(pathValue(request, 'ns'), user.namespace);
  if (namespace !== user.namespace) {
    throw apiError('NOT_AUTHORIZED', entity === undefined ? namespace : `${namespace}/${entity}`);
  }
  return namespace;
}

/** The first value of a query parameter; empty counts as absent. */
export function queryValue(request: FastifyRequest, name: string): string | undefined {
  const query = request.query as Record<string, unknown>;
  const value = Object.hasOwn(query, name) ? query[name] : undefined;
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

export function queryBoolean(request: FastifyRequest, name: string, fallback: boolean): boolean {
  const value = queryValue(request, name)?.toLowerCase();
  if (value === undefined) return fallback;
  if (['true', 'yes', 'on', '1'].includes(value)) return true;
  if (['false', 'no', 'off', '0'].includes(value)) return false;
  throw apiError('MALFORMED_QUERY', name, `'${value}' is not a valid Boolean value`);
}

/** `limit` (0 stands for the maximum) and `skip`. */
export function queryWindow(request: FastifyRequest, collection: string, settings: ControllerSettings): ListWindow {
  const { std, max } = settings.list;
  const skip = queryInteger(request, 'skip', collection) ?? 0;
  if (skip < 0) {
    throw apiError(
      'MALFORMED_QUERY',
      'skip',
      `The value '${skip}' is not greater than or equal to 0 for ${collection}.`,
    );
  }
  const limit = queryInteger(request, 'limit', collection) ?? std;
  if (limit < 0 || limit > max) {
    const why = `The value '${limit}' is not in the range of 0 to ${max} for ${collection}.`;
    throw apiError('MALFORMED_QUERY', 'limit', why);
  }
  return { skip, limit: limit === 0 ? max : limit };
}

function queryInteger(request: FastifyRequest, name: string, collection: string): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || Math.abs(value) > 0x7fff_ffff) {
    throw apiError('MALFORMED_QUERY', name, `The value '${text}' is not an integer for ${collection}.`);
  }
  return value;
}

/** A time in milliseconds since the epoch. */
export function queryTime(request: FastifyRequest, name: string): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,18}$/.test(text)) {
    throw apiError('MALFORMED_QUERY', name, `Parameter is not a valid value for epoch seconds: ${text}`);
  }
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number(text), Number.MAX_SAFE_INTEGER));
}
