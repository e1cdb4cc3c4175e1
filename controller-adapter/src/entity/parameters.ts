/**
 * Parameters and annotations: `[{key, value, init?, encryption?}]`, keys unique, the later of two equal keys wins.
 * Values are opaque and keep their spelling.
 */

import { type Json, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { apiError } from '../errors.ts';
import { isJsonObject, numberOf, own } from './json.ts';

export interface Parameter {
  readonly key: string;
  readonly value: Json;
  /** Given to /init, not to /run. */
  readonly init?: true;
  /** Scheme by which the value is encrypted. */
  readonly encryption?: string;
}

export type Parameters = readonly Parameter[];

export function decodeParameters(json: Json): Parameters {
  if (!Array.isArray(json)) throw malformed();
  return uniqueByKey(json.map(decodeParameter));
}

function decodeParameter(json: Json): Parameter {
  if (!isJsonObject(json)) throw malformed();
  const key = own(json, 'key');
  const value = own(json, 'value');
  const init = own(json, 'init');
  const encryption = own(json, 'encryption') ?? undefined;
  if (typeof key !== 'string' || value === undefined) throw malformed();
  if (init !== undefined && typeof init !== 'boolean') throw malformed();
  if (encryption !== undefined && typeof encryption !== 'string') throw malformed();
  return { key, value, ...(init === true ? { init } : {}), ...(encryption === undefined ? {} : { encryption }) };
}

function malformed(): Error {
  return apiError('MALFORMED_CONTENT', 'parameters malformed!');
}

function uniqueByKey(list: Parameters): Parameters {
  return [...new Map(list.map((each) => [each.key, each])).values()];
}

/** `base` with `over` laid on top. */
export function mergeParameters(base: Parameters, over: Parameters): Parameters {
  return uniqueByKey([...base, ...over]);
}

export function parameterOf(list: Parameters, key: string): Json | undefined {
  return list.find((each) => each.key === key)?.value;
}

/** Bytes of UTF-8 of the keys and of the values as JSON text. */
export function parametersSize(list: Parameters): number {
  let size = 0;
  for (const { key, value } of list) size += Buffer.byteLength(key) + Buffer.byteLength(stringifyJson(value));
  return size;
}

/** OpenWhisk's notion of a set annotation; absent is false. */
export function isTruthy(list: Parameters, key: string): boolean {
  const value = parameterOf(list, key);
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return value !== '';
  const number = numberOf(value);
  return number === undefined || number !== 0;
}
