/**
 * Reading JSON that a client sent: own fields only (a body may carry `__proto__` or miss `constructor`), numbers by
 * value whatever their spelling, nesting bounded so that no later recursion runs out of stack.
 */

import { isRawNumber, type Json, parseJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { isJsonObject } from '@ebbwhisk/invoker/protocol/schema.ts';
import { apiError } from '../errors.ts';

export type JsonObject = { [key: string]: Json };

/** As the stock parser: deeper input is refused. */
const kMaxNesting = 1000;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses a request body; anything that is not UTF-8 JSON of bounded depth is MALFORMED_CONTENT. */
export function parseBody(bytes: Uint8Array): Json {
  let value: Json;
  try {
    value = parseJson(utf8.decode(bytes));
  } catch (error) {
    // RangeError: nesting so deep that the parser itself ran out of stack.
    const why = error instanceof SyntaxError ? error.message : error instanceof RangeError ? tooDeep : 'not UTF-8';
    throw apiError('MALFORMED_CONTENT', why);
  }
  if (deeperThan(value, kMaxNesting)) throw apiError('MALFORMED_CONTENT', tooDeep);
  return value;
}

const tooDeep = `JSON input nested too deeply: the limit is ${kMaxNesting}`;

function deeperThan(root: Json, limit: number): boolean {
  let level: Json[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    const next: Json[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null || isRawNumber(value)) continue;
      for (const child of Array.isArray(value) ? value : Object.values(value)) {
        if (typeof child === 'object' && child !== null) next.push(child);
      }
    }
    level = next;
  }
  return false;
}

/** The own field of that name; null counts as absent, as in OpenWhisk's option fields. */
export function optional(object: JsonObject, key: string): Json | undefined {
  const value = own(object, key);
  return value === null ? undefined : value;
}

export function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The value of a JSON number, or undefined for anything else. */
export function numberOf(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  return value !== undefined && isRawNumber(value) ? Number(value.rawJSON) : undefined;
}

export { isJsonObject };
