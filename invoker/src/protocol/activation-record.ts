/**
 * The activation: what an ack's `response` carries (without logs), and the record that the activation store keeps
 * (with `_id`, `entityType`, `updated` and logs). Results are Json values whose number spellings survive.
 */

import { type Static, Type } from 'typebox';
import { type Json, stringifyJson } from './json.ts';
import { checker } from './schema.ts';

/** 0 success, 1 application error, 2 action developer error, 3 whisk internal error. */
export type StatusCode = 0 | 1 | 2 | 3;

export const activationStatusTexts = [
  'success',
  'application error',
  'action developer error',
  'whisk internal error',
] as const;

const JsonSchema = Type.Unsafe<Json>(Type.Unknown());

export const ActivationIdSchema = Type.String({ pattern: '^[0-9a-f]{32}$' });

export const ResponseSchema = Type.Object({
  statusCode: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2), Type.Literal(3)]),
  result: Type.Optional(JsonSchema),
  size: Type.Optional(Type.Number()),
});
export type ActivationResponse = Static<typeof ResponseSchema>;

export const AnnotationSchema = Type.Object({ key: Type.String(), value: JsonSchema });
export type Annotation = Static<typeof AnnotationSchema>;

export const ActivationSchema = Type.Object({
  namespace: Type.String(),
  name: Type.String(),
  version: Type.String(),
  subject: Type.String(),
  activationId: ActivationIdSchema,
  cause: Type.Optional(ActivationIdSchema),
  /** Milliseconds since the epoch. */
  start: Type.Number(),
  /** Milliseconds since the epoch; 0 when it has no end (triggers). */
  end: Type.Number(),
  duration: Type.Optional(Type.Number()),
  response: ResponseSchema,
  logs: Type.Array(Type.String()),
  annotations: Type.Array(AnnotationSchema),
  publish: Type.Boolean(),
});
export type Activation = Static<typeof ActivationSchema>;

export const ActivationRecordSchema = Type.Interface([ActivationSchema], {
  _id: Type.String(),
  entityType: Type.Literal('activation'),
  updated: Type.Number(),
});
export type ActivationRecord = Static<typeof ActivationRecordSchema>;

export const checkActivation = checker('activation', ActivationSchema);
export const checkActivationRecord = checker('activation record', ActivationRecordSchema);

/** The stored form as JSON text. `namespace` of the caller and activation id make the document id. */
export function serialiseActivationRecord(activation: Activation, updated: number): string {
  return stringifyJson({
    _id: `${activation.namespace}/${activation.activationId}`,
    entityType: 'activation',
    updated,
    ...activation,
  });
}

/** The value of an annotation, or undefined. */
export function annotation(annotations: readonly Annotation[], key: string): Json | undefined {
  return annotations.find((each) => each.key === key)?.value;
}
