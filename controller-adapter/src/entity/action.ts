/**
 * Actions: what a PUT may say, how it makes or changes the stored document, and the forms in which it is shown.
 * The code is no part of the document (see store/): lists and invocations never load it.
 */

import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import type { UserLimits } from '../auth/users.ts';
import { apiError } from '../errors.ts';
import type { ControllerSettings } from '../settings.ts';
import { decodeExec, type Exec, type ExecMeta, execSize } from './exec.ts';
import { isJsonObject, optional } from './json.ts';
import { type ActionLimits, checkLimits, completeLimits, decodeLimits, standardLimits } from './limits.ts';
import { decodeParameters, mergeParameters, type Parameters, parameterOf, parametersSize } from './parameters.ts';
import { decodeVersion, firstVersion, nextVersion } from './version.ts';

export interface ActionDocument {
  readonly namespace: string;
  readonly name: string;
  readonly exec: ExecMeta;
  readonly parameters: Parameters;
  readonly limits: ActionLimits;
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: Parameters;
  /** Milliseconds since the epoch. */
  readonly updated: number;
}

/** A checked PUT body; what is absent stays as it is on update. */
export interface ActionPut {
  readonly exec?: Exec;
  readonly parameters?: Parameters;
  readonly limits?: Partial<ActionLimits>;
  readonly annotations?: Parameters;
  readonly version?: string;
  readonly publish?: boolean;
  readonly delAnnotations?: readonly string[];
}

/** Decodes and checks shape, sizes, kind and limits, in the order in which OpenWhisk does. */
export function decodeActionPut(body: Json | undefined, settings: ControllerSettings, user: UserLimits): ActionPut {
  if (!isJsonObject(body)) throw apiError('MALFORMED_CONTENT', 'JSON object expected');
  const exec = decodeOptional(optional(body, 'exec'), (json) => decodeExec(json, settings));
  const parameters = decodeOptional(optional(body, 'parameters'), decodeParameters);
  const annotations = decodeOptional(optional(body, 'annotations'), decodeParameters);
  const put: ActionPut = {
    ...given('exec', exec),
    ...given('parameters', parameters),
    ...given('annotations', annotations),
    ...given('limits', decodeOptional(optional(body, 'limits'), decodeLimits)),
    ...given('version', decodeOptional(optional(body, 'version'), decodeVersion)),
    ...given('publish', decodeOptional(optional(body, 'publish'), decodeBoolean)),
    ...given('delAnnotations', decodeOptional(optional(body, 'delAnnotations'), decodeStrings)),
  };
  const parameterBytes = Math.min(settings.parameterBytes, user.maxParameterSize ?? settings.parameterBytes);
  checkSize('exec', exec === undefined ? 0 : execSize(exec), settings.codeBytes);
  checkSize('parameters', parameters === undefined ? 0 : parametersSize(parameters), parameterBytes);
  checkSize('annotations', annotations === undefined ? 0 : parametersSize(annotations), parameterBytes);
  if (put.limits !== undefined) checkLimits(put.limits, settings, user);
  if (exec !== undefined && user.allowedKinds !== undefined && !user.allowedKinds.includes(exec.kind)) {
    throw apiError('KIND_NOT_AUTHORIZED', exec.kind);
  }
  return put;
}

function decodeOptional<T>(json: Json | undefined, decode: (json: Json) => T): T | undefined {
  return json === undefined ? undefined : decode(json);
}

function given<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: T });
}

function decodeBoolean(json: Json): boolean {
  if (typeof json !== 'boolean') throw apiError('MALFORMED_CONTENT', "Expected a boolean for 'publish'");
  return json;
}

function decodeStrings(json: Json): string[] {
  if (!Array.isArray(json) || !json.every((each) => typeof each === 'string')) {
    throw apiError('MALFORMED_CONTENT', "Expected a list of strings for 'delAnnotations'");
  }
  return json;
}

function checkSize(field: string, is: number, allowed: number): void {
  if (is > allowed) throw apiError('ENTITY_TOO_LARGE', field, is, allowed);
}

export function createAction(
  namespace: string,
  name: string,
  put: ActionPut,
  settings: ControllerSettings,
  now: number,
): ActionDocument {
  if (put.exec === undefined) throw apiError('EXEC_UNDEFINED');
  const exec = execMeta(put.exec);
  const annotations = put.annotations ?? [];
  // Only new actions get this default: it would take the key from older ones that rely on it.
  const provided = parameterOf(annotations, 'provide-api-key') !== undefined;
  return {
    namespace,
    name,
    exec,
    parameters: put.parameters ?? [],
    limits: completeLimits(put.limits ?? {}, standardLimits(settings)),
    version: put.version ?? firstVersion,
    publish: put.publish ?? false,
    annotations: withExec(provided ? annotations : [...annotations, { key: 'provide-api-key', value: false }], exec),
    updated: now,
  };
}

export function updateAction(old: ActionDocument, put: ActionPut, now: number): ActionDocument {
  const exec = put.exec === undefined ? old.exec : execMeta(put.exec);
  const removed = put.delAnnotations ?? [];
  const kept = old.annotations.filter(({ key }) => !removed.includes(key));
  return {
    namespace: old.namespace,
    name: old.name,
    exec,
    parameters: put.parameters ?? old.parameters,
    limits: completeLimits(put.limits ?? {}, old.limits),
    version: put.version ?? nextVersion(old.version),
    publish: put.publish ?? old.publish,
    annotations: withExec(mergeParameters(kept, put.annotations ?? []), exec),
    updated: now,
  };
}

function execMeta({ code: _, ...meta }: Exec): ExecMeta {
  return meta;
}

/** Clients that only list actions learn the kind from this annotation. */
function withExec(annotations: Parameters, exec: ExecMeta): Parameters {
  return mergeParameters(annotations, [{ key: 'exec', value: exec.kind }]);
}

/** The answer of GET, PUT and DELETE; with the code when it is given. */
export function showAction(document: ActionDocument, code?: string): Json {
  const exec = code === undefined ? document.exec : { ...document.exec, code };
  return { ...document, exec } as unknown as Json;
}

/** An entry of a list. */
export function summariseAction(document: ActionDocument): Json {
  const { namespace, name, version, publish, annotations, limits, updated } = document;
  const exec = { binary: document.exec.binary };
  return { namespace, name, version, publish, annotations, limits, exec, updated } as unknown as Json;
}

/** Parameters that an invocation must not override. */
export function finalParameters(document: ActionDocument): ReadonlySet<string> {
  if (parameterOf(document.annotations, 'final') !== true) return new Set();
  return new Set(document.parameters.filter(({ value }) => value !== null).map(({ key }) => key));
}
