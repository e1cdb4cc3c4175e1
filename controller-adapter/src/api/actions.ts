/** /namespaces/{ns}/actions: list, read, create and update, delete, invoke. Actions in packages are refused by name. */

import { makeTransid } from '@ebbwhisk/invoker/protocol/messages.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Throttle } from '../auth/throttle.ts';
import {
  type ActionPut,
  createAction,
  decodeActionPut,
  finalParameters,
  showAction,
  updateAction,
} from '../entity/action.ts';
import { showActivation, statusCodeOf } from '../entity/activation.ts';
import { isJsonObject, type JsonObject, own } from '../entity/json.ts';
import { checkEntityName } from '../entity/names.ts';
import { isTruthy } from '../entity/parameters.ts';
import { apiError, ConflictError } from '../errors.ts';
import type { Activator } from '../invoke/activator.ts';
import type { ControllerSettings } from '../settings.ts';
import type { EntityStore, StoredAction } from '../store/store.ts';
import { sendJson, sendJsonText } from './reply.ts';
import { ownNamespace, pathValue, queryBoolean, queryValue, queryWindow, userOf } from './request.ts';
import { apiBase, type Route } from './routes.ts';

export interface ActionDependencies {
  readonly settings: ControllerSettings;
  readonly entities: EntityStore;
  readonly activator: Activator;
  readonly throttle: Throttle;
  /** What is cached of the action is out of date. */
  readonly onChange: (id: string) => void;
  readonly now: () => number;
}

export function actionRoutes(dependencies: ActionDependencies): Route[] {
  const base = `${apiBase}/namespaces/:ns/actions`;
  const packaged = (request: FastifyRequest): never => {
    const name = pathValue(request, 'name');
    ownNamespace(request, name);
    checkEntityName(name);
    throw apiError('NOT_SUPPORTED', 'Packages are');
  };
  return [
    { paths: [base, `${base}/`], methods: { GET: (...exchange) => list(dependencies, ...exchange) } },
    {
      paths: [`${base}/:name`],
      methods: {
        GET: (...exchange) => read(dependencies, ...exchange),
        PUT: (...exchange) => write(dependencies, ...exchange),
        DELETE: (...exchange) => remove(dependencies, ...exchange),
        POST: (...exchange) => invoke(dependencies, ...exchange),
      },
    },
    { paths: [`${base}/:name/`], methods: { GET: packaged } },
    { paths: [`${base}/:name/:inner`], methods: { GET: packaged, PUT: packaged, DELETE: packaged, POST: packaged } },
  ];
}

async function list(
  { entities, settings }: ActionDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const namespace = ownNamespace(request);
  const window = queryWindow(request, 'actions', settings);
  if (queryBoolean(request, 'count', false)) {
    const count = await entities.countActions(namespace);
    return sendJson(reply, 200, { actions: Math.max(0, count - window.skip) });
  }
  return sendJsonText(reply, 200, `[${(await entities.listActions(namespace, window)).join(',')}]`);
}

/** Name of the action in the path, checked, and its document id. */
function target(request: FastifyRequest): { namespace: string; name: string; id: string } {
  const name = checkEntityName(pathValue(request, 'name'));
  const namespace = ownNamespace(request, name);
  return { namespace, name, id: `${namespace}/${name}` };
}

async function existing({ entities }: ActionDependencies, id: string): Promise<StoredAction> {
  const action = await entities.readAction(id);
  if (action === undefined) throw apiError('RESOURCE_MISSING');
  return action;
}

async function read(
  dependencies: ActionDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { id } = target(request);
  const withCode = queryBoolean(request, 'code', true);
  const { document } = await existing(dependencies, id);
  const code = withCode ? await dependencies.entities.readCode(id) : undefined;
  return sendJson(reply, 200, showAction(document, code));
}

async function write(
  { entities, settings, onChange, now }: ActionDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { namespace, name, id } = target(request);
  const overwrite = queryBoolean(request, 'overwrite', false);
  const put: ActionPut = decodeActionPut(request.body as JsonObject | undefined, settings, userOf(request).limits);
  const old = await entities.readAction(id);
  if (old !== undefined && !overwrite) throw apiError('RESOURCE_EXISTS');
  const document =
    old === undefined ? createAction(namespace, name, put, settings, now()) : updateAction(old.document, put, now());
  await conflicts(entities.writeAction(document, put.exec?.code, old?.revision));
  onChange(id);
  return sendJson(reply, 200, showAction(document, put.exec?.code ?? (await entities.readCode(id))));
}

async function remove(
  dependencies: ActionDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { id } = target(request);
  const { document, revision } = await existing(dependencies, id);
  const code = await dependencies.entities.readCode(id);
  await conflicts(dependencies.entities.deleteAction(id, revision));
  dependencies.onChange(id);
  return sendJson(reply, 200, showAction(document, code));
}

async function conflicts<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    throw error instanceof ConflictError ? apiError('CONCURRENT_MODIFICATION') : error;
  }
}

async function invoke(
  dependencies: ActionDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { activator, settings, throttle } = dependencies;
  const { id } = target(request);
  const user = userOf(request);
  throttle.check(user, activator.inFlight.ofNamespace(user.namespace));
  const blocking = queryBoolean(request, 'blocking', false);
  const resultOnly = queryBoolean(request, 'result', false);
  const waitMs = queryTimeout(request, settings.blockingMs);
  const payload = payloadOf(request.body);
  const action = await existing(dependencies, id);
  if (isTruthy(action.document.annotations, 'conductor')) throw apiError('NOT_SUPPORTED', 'Conductor actions are');
  const final = finalParameters(action.document);
  if (Object.keys(payload).some((key) => final.has(key))) throw apiError('PARAMETERS_NOT_ALLOWED');

  const gone = new AbortController();
  const onClose = () => gone.abort();
  if (blocking) reply.raw.once('close', onClose);
  const { activationId, activation } = await activator.invoke({
    user,
    action,
    payload,
    transid: makeTransid(String(request.id), request.startedAt),
    waitMs: blocking ? waitMs : undefined,
    signal: gone.signal,
  });
  reply.raw.removeListener('close', onClose);
  reply.header('x-openwhisk-activation-id', activationId);
  if (activation === undefined) return sendJson(reply, 202, { activationId });
  return sendActivation(reply, activation, resultOnly);
}

function sendActivation(reply: FastifyReply, activation: JsonObject, resultOnly: boolean): FastifyReply {
  const response = own(activation, 'response');
  const result = isJsonObject(response) ? (own(response, 'result') ?? {}) : {};
  // 0 success, 1 and 2 errors of the action, 3 of the system.
  const status = [200, 502, 502, 500][statusCodeOf(response)] ?? 500;
  // An array result is answered bare whatever was asked for: stock behaviour.
  if (resultOnly || Array.isArray(result)) return sendJson(reply, status, result);
  return sendJson(reply, status, showActivation(activation));
}

function payloadOf(body: unknown): JsonObject {
  if (body === undefined || body === null) return {};
  if (!isJsonObject(body)) throw apiError('MALFORMED_CONTENT', 'JSON object expected');
  return body;
}

function queryTimeout(request: FastifyRequest, max: number): number {
  const text = queryValue(request, 'timeout');
  if (text === undefined) return max;
  const value = Number(text);
  if (!/^\+?\d{1,9}$/.test(text) || value === 0 || value > max) {
    throw apiError('MALFORMED_QUERY', 'timeout', `Timeout must be number of milliseconds up to ${max}.`);
  }
  return value;
}
