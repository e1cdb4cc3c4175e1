/**
 * The messages between controllers and invokers (OpenWhisk classic mode): ActivationMessage on `invoker<N>`,
 * PingMessage on `health`, acknowledgements on `completed<controller>`. One schema per message, types from it.
 *
 * Invariants: unknown fields are ignored when reading and not invented when writing; `content`, results and transids
 * keep the spelling of their numbers. Left out: the scheduler's (FPC) messages, user events, cache invalidation.
 */

import { type Static, Type } from 'typebox';
import { type Activation, ActivationIdSchema, checkActivation } from './activation-record.ts';
import { type Json, stringifyJson } from './json.ts';
import { checker, dropNulls, isJsonObject, parseObject } from './schema.ts';
import { type Transid, TransidSchema } from './transid.ts';

export * from './activation-record.ts';
export * from './transid.ts';

/** Topic names, before any prefix. */
export const topics = {
  invoker: (instance: number) => `invoker${instance}`,
  completed: (controller: string) => `completed${controller}`,
  health: 'health',
} as const;

const JsonSchema = Type.Unsafe<Json>(Type.Unknown());
const JsonObjectSchema = Type.Unsafe<{ [key: string]: Json }>(Type.Object({}));

// --- names and identities

/** Fully qualified entity name: path is the namespace, with the package when there is one. */
export const FqnSchema = Type.Object({
  path: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  version: Type.Optional(Type.String()),
  binding: Type.Optional(Type.String()),
});
export type Fqn = Static<typeof FqnSchema>;

/** `ns/pkg/name`: the id of the action's document, and its path annotation. */
export function fqnDocId(fqn: Fqn): string {
  return `${fqn.path}/${fqn.name}`;
}

export const IdentitySchema = Type.Object({
  subject: Type.String(),
  namespace: Type.Object({ name: Type.String(), uuid: Type.String() }),
  /** `{"api_key":"uuid:key"}`, or whatever object another authentication provider made. */
  authkey: JsonObjectSchema,
  rights: Type.Array(Type.String()),
  limits: JsonObjectSchema,
});
export type Identity = Static<typeof IdentitySchema>;

export const ControllerInstanceSchema = Type.Object({
  asString: Type.String({ pattern: '^[a-zA-Z0-9._-]{1,128}$' }),
  instanceType: Type.Optional(Type.Literal('controller')),
});
export type ControllerInstance = Static<typeof ControllerInstanceSchema>;

export function controllerInstance(id: string): ControllerInstance {
  return { asString: id, instanceType: 'controller' };
}

/** The superset that every reader since 1.0.0 takes. */
export const InvokerInstanceSchema = Type.Object({
  instance: Type.Integer({ minimum: 0 }),
  userMemory: Type.String(),
  instanceType: Type.Optional(Type.Literal('invoker')),
  tags: Type.Optional(Type.Array(Type.String())),
  dedicatedNamespaces: Type.Optional(Type.Array(Type.String())),
  busyMemory: Type.Optional(Type.String()),
  uniqueName: Type.Optional(Type.String()),
  displayedName: Type.Optional(Type.String()),
});
export type InvokerInstance = Static<typeof InvokerInstanceSchema>;

export function invokerInstance(instance: number, memoryMb: number, uniqueName?: string): InvokerInstance {
  return {
    instance,
    userMemory: `${memoryMb * 1024 * 1024} B`,
    instanceType: 'invoker',
    tags: [],
    dedicatedNamespaces: [],
    ...(uniqueName === undefined ? {} : { uniqueName }),
  };
}

// --- ActivationMessage

export const ActivationMessageSchema = Type.Object({
  transid: TransidSchema,
  action: FqnSchema,
  /** Revision of the action's document; null asks for the newest. */
  revision: Type.Union([Type.String(), Type.Null()]),
  user: IdentitySchema,
  activationId: ActivationIdSchema,
  rootControllerIndex: ControllerInstanceSchema,
  blocking: Type.Boolean(),
  /** Merged parameters: an object, or an array (2.x). */
  content: Type.Optional(JsonSchema),
  /** Names of the parameters that go to /init instead of /run. */
  initArgs: Type.Optional(Type.Array(Type.String())),
  /** Encrypted parameters: name to scheme. */
  lockedArgs: Type.Optional(Type.Record(Type.String(), Type.String())),
  /** Activation that caused this one (a sequence). */
  cause: Type.Optional(ActivationIdSchema),
  traceContext: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ActivationMessage = Static<typeof ActivationMessageSchema>;

const checkActivationMessage = checker('ActivationMessage', ActivationMessageSchema);

export function parseActivationMessage(text: string): ActivationMessage {
  const value = dropNulls(parseObject('ActivationMessage', text), ['revision']);
  value['revision'] ??= null;
  if (isJsonObject(value['action'])) dropNulls(value['action']);
  return checkActivationMessage(value);
}

export function serialiseActivationMessage(message: ActivationMessage): string {
  return JSON.stringify(message);
}

// --- PingMessage

export const PingMessageSchema = Type.Object({
  name: InvokerInstanceSchema,
  isEnabled: Type.Optional(Type.Boolean()),
});
export type PingMessage = Static<typeof PingMessageSchema>;

const checkPingMessage = checker('PingMessage', PingMessageSchema);

export function parsePingMessage(text: string): PingMessage {
  const value = dropNulls(parseObject('PingMessage', text));
  if (isJsonObject(value['name'])) dropNulls(value['name']);
  return checkPingMessage(value);
}

export function serialisePingMessage(message: PingMessage): string {
  return JSON.stringify(message);
}

// --- Acknowledgements

/** The result of a blocking activation; the slot is not free yet. */
export interface ResultAck {
  readonly kind: 'result';
  readonly transid: Transid;
  /** The activation, or only its id ("shrunk"). */
  readonly response: Activation | string;
}

/** The slot is free. */
export interface CompletionAck {
  readonly kind: 'completion';
  readonly transid: Transid;
  readonly activationId: string;
  readonly isSystemError: boolean;
  readonly instance: InvokerInstance;
}

/** Both at once. */
export interface CombinedAck {
  readonly kind: 'combined';
  readonly transid: Transid;
  readonly response: Activation | string;
  readonly isSystemError: boolean;
  readonly instance: InvokerInstance;
}

export type Ack = ResultAck | CompletionAck | CombinedAck;

const AckSchema = Type.Object({
  transid: TransidSchema,
  response: Type.Optional(Type.Union([ActivationIdSchema, JsonObjectSchema])),
  activationId: Type.Optional(ActivationIdSchema),
  isSystemError: Type.Optional(Type.Boolean()),
  instance: Type.Optional(InvokerInstanceSchema),
});

const checkAck = checker('ack', AckSchema);
const checkCompletion = checker('completion ack', Type.Object({ activationId: ActivationIdSchema }));
const checkResult = checker('result ack', Type.Object({ response: JsonSchema }));

export function parseAck(text: string): Ack {
  const object = dropNulls(parseObject('ack', text));
  if (isJsonObject(object['instance'])) dropNulls(object['instance']);
  const { transid, response, instance, isSystemError = false } = checkAck(object);
  if (instance !== undefined && response === undefined) {
    const { activationId } = checkCompletion(object);
    return { kind: 'completion', transid, activationId, isSystemError, instance };
  }
  checkResult(object);
  const activation = typeof response === 'string' ? response : checkActivation(response);
  return instance === undefined
    ? { kind: 'result', transid, response: activation }
    : { kind: 'combined', transid, response: activation, isSystemError, instance };
}

export function ackActivationId(ack: Ack): string {
  if (ack.kind === 'completion') return ack.activationId;
  return typeof ack.response === 'string' ? ack.response : ack.response.activationId;
}

/** The form without the activation, for a bus that found it too large. */
export function shrinkAck(ack: Ack): Ack {
  return ack.kind === 'completion' ? ack : { ...ack, response: ackActivationId(ack) };
}

export function serialiseAck(ack: Ack): string {
  const { kind: _, ...fields } = ack;
  return stringifyJson(fields as unknown as Json);
}
