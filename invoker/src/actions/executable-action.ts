/**
 * An action as the invoker needs it, read from its document in the store. The /init body is made ready once per
 * revision, because its code may have megabytes; the document itself is not kept.
 */

import { type Static, Type } from 'typebox';
import { errorText, InvokerError } from '../errors.ts';
import { AnnotationSchema, annotation } from '../protocol/activation-record.ts';
import { isRawNumber, type Json, stringifyJson } from '../protocol/json.ts';
import { checker, parseObject } from '../protocol/schema.ts';

/** OpenWhisk's defaults, for documents that leave a limit out. */
export const defaultLimits = { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 } as const;

const LimitsSchema = Type.Object({
  /** Milliseconds, for /init and for /run each. */
  timeout: Type.Optional(Type.Integer({ minimum: 1 })),
  /** MiB. */
  memory: Type.Optional(Type.Integer({ minimum: 1 })),
  /** MiB; 0 collects no logs. */
  logs: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Activations at once in one VM. */
  concurrency: Type.Optional(Type.Integer({ minimum: 1 })),
  instances: Type.Optional(Type.Integer()),
});

const ActionDocumentSchema = Type.Object({
  _id: Type.String(),
  _rev: Type.String(),
  namespace: Type.String(),
  name: Type.String(),
  version: Type.String(),
  exec: Type.Object({
    kind: Type.String(),
    code: Type.String(),
    binary: Type.Optional(Type.Boolean()),
    main: Type.Optional(Type.String()),
  }),
  limits: Type.Optional(LimitsSchema),
  annotations: Type.Optional(Type.Array(AnnotationSchema)),
});

const checkDocument = checker('action', ActionDocumentSchema);

/** Characters. A text of this length compiles in a few milliseconds. */
const long = 256 * 1024;

export interface ActionLimits {
  readonly timeout: number;
  readonly memory: number;
  readonly logs: number;
  readonly concurrency: number;
  readonly instances?: number;
}

export interface ExecutableAction {
  /** `ns/[pkg/]name`, also the path annotation. */
  readonly id: string;
  readonly revision: string;
  readonly name: string;
  readonly version: string;
  readonly kind: string;
  readonly limits: ActionLimits;
  readonly provideApiKey: boolean;
  /** Of the annotation `ebbCpuQuota`. */
  readonly cpuQuotaPercent?: number;
  /** Of the annotation `ebbSnapshot`: false keeps every start of it cold. */
  readonly snapshots: boolean;
  /** Its code is long. */
  readonly isLarge: boolean;
  /** A text long enough that not to compile it again is worth something. */
  readonly isLongText: boolean;
  /** Characters held, for the cache's bound. */
  readonly size: number;
  /** The body of POST /init. */
  initBody(env: { readonly [key: string]: Json }): string;
}

/** Throws InvokerError ACTION_UNREADABLE. */
export function readAction(document: string): ExecutableAction {
  let doc: Static<typeof ActionDocumentSchema>;
  try {
    doc = checkDocument(parseObject('action', document));
  } catch (error) {
    throw new InvokerError('ACTION_UNREADABLE', errorText(error), { cause: error });
  }
  const { kind, code, binary = false, main } = doc.exec;
  if (kind === 'sequence' || kind === 'blackbox') throw new InvokerError('ACTION_UNREADABLE', `kind ${kind}`);
  const value = stringifyJson({ name: doc.name, main: main ?? 'main', code, binary });
  const initHead = `{"value":${value.slice(0, -1)},"env":`;
  return {
    id: `${doc.namespace}/${doc.name}`,
    revision: doc._rev,
    name: doc.name,
    version: doc.version,
    kind,
    limits: { ...defaultLimits, ...doc.limits },
    provideApiKey: isTruthy(annotation(doc.annotations ?? [], 'provide-api-key'), true),
    ...cpuQuota(annotation(doc.annotations ?? [], 'ebbCpuQuota')),
    snapshots: isTruthy(annotation(doc.annotations ?? [], 'ebbSnapshot'), true),
    isLarge: code.length >= long,
    isLongText: !binary && code.length >= long,
    size: initHead.length,
    initBody: (env) => `${initHead}${stringifyJson(env)}}}`,
  };
}

/** Percent of one core, 1 to 100. Anything else is no limit. */
function cpuQuota(value: Json | undefined): { cpuQuotaPercent?: number } {
  const percent = isRawNumber(value) ? Number(value.rawJSON) : typeof value === 'number' ? value : Number.NaN;
  return percent >= 1 && percent <= 100 ? { cpuQuotaPercent: percent } : {};
}

/** OpenWhisk's reading of an annotation as a switch. */
function isTruthy(value: Json | undefined, absent: boolean): boolean {
  if (value === undefined) return absent;
  if (isRawNumber(value)) return Number(value.rawJSON) !== 0;
  return typeof value === 'object' ? value !== null : Boolean(value);
}
