/** /namespaces/{ns}/activations: list with filters, record, result, logs. Read only. */

import { parseJson, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { showActivation, showLogs, showResponse } from '../entity/activation.ts';
import { type JsonObject, own } from '../entity/json.ts';
import { checkActivationId, isEntityName } from '../entity/names.ts';
import { apiError } from '../errors.ts';
import type { Activator } from '../invoke/activator.ts';
import type { ControllerSettings } from '../settings.ts';
import type { ActivationQuery, ActivationReader } from '../store/store.ts';
import { sendJson, sendJsonText } from './reply.ts';
import { ownNamespace, pathValue, queryBoolean, queryTime, queryValue, queryWindow } from './request.ts';
import { apiBase, type Handler, type Route } from './routes.ts';

export interface ActivationDependencies {
  readonly settings: ControllerSettings;
  readonly activations: ActivationReader;
  readonly activator: Activator;
}

export function activationRoutes(dependencies: ActivationDependencies): Route[] {
  const base = `${apiBase}/namespaces/:ns/activations`;
  const one =
    (view: (record: JsonObject) => JsonObject): Handler =>
    async (request, reply) => {
      const activationId = checkActivationId(pathValue(request, 'id'));
      const namespace = ownNamespace(request, activationId);
      const record = await dependencies.activator.record(namespace, activationId);
      if (record === undefined) throw apiError('RESOURCE_MISSING');
      return sendJson(reply, 200, view(record));
    };
  return [
    { paths: [base, `${base}/`], methods: { GET: (request, reply) => list(dependencies, request, reply) } },
    { paths: [`${base}/:id`, `${base}/:id/`], methods: { GET: one(showActivation) } },
    { paths: [`${base}/:id/result`], methods: { GET: one((record) => showResponse(own(record, 'response'))) } },
    { paths: [`${base}/:id/logs`], methods: { GET: one(showLogs) } },
  ];
}

async function list(
  { activations, settings }: ActivationDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const namespace = ownNamespace(request);
  const window = queryWindow(request, 'activations', settings);
  const count = queryBoolean(request, 'count', false);
  const docs = queryBoolean(request, 'docs', false);
  const query: ActivationQuery = {
    namespace,
    ...given('path', queryPath(request)),
    ...given('since', queryTime(request, 'since')),
    ...given('upto', queryTime(request, 'upto')),
  };
  if (count && docs) throw apiError('DOCS_WITH_COUNT');
  if (count) {
    const total = await activations.countActivations(query);
    return sendJson(reply, 200, { activations: Math.max(0, total - window.skip) });
  }
  const entries = await activations.listActivations(query, window, docs);
  const shown = docs ? entries.map((text) => stringifyJson(showActivation(parseJson(text) as JsonObject))) : entries;
  return sendJsonText(reply, 200, `[${shown.join(',')}]`);
}

function given<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: T });
}

/** `name` or `package/name`. */
function queryPath(request: FastifyRequest): string | undefined {
  const text = queryValue(request, 'name');
  if (text === undefined || text.trim() === '') return undefined;
  const parts = text.split('/').filter((part) => part !== '');
  if (parts.length < 1 || parts.length > 2 || !parts.every(isEntityName)) {
    const why = `Parameter may be a 'simple' name or 'package-name/simple' name: ${text}`;
    throw apiError('MALFORMED_QUERY', 'name', why);
  }
  return parts.join('/');
}
