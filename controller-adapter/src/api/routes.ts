/** A route is a path and its handlers by method; every other method is answered 405. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, apiErrors } from '../errors.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';
export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> | FastifyReply;

export interface Route {
  /** One path or several spellings of it. */
  readonly paths: readonly string[];
  readonly methods: Partial<Record<Method, Handler>>;
  /** Reachable without authentication. */
  readonly open?: boolean;
}

export const apiBase = '/api/v1';

export function register(app: FastifyInstance, routes: readonly Route[]): void {
  for (const { paths, methods, open = false } of routes) {
    const allowed = Object.keys(methods).join(', ');
    for (const path of paths) {
      app.all(path, { config: { open } }, (request, reply) => {
        const handler = Object.hasOwn(methods, request.method) ? methods[request.method as Method] : undefined;
        if (handler === undefined) throw methodNotAllowed(allowed);
        return handler(request, reply);
      });
    }
  }
}

export function methodNotAllowed(allowed: string): ApiError {
  return new ApiError('METHOD_NOT_ALLOWED', apiErrors.METHOD_NOT_ALLOWED.text(allowed), { allow: allowed });
}
