/** Checking of parsed JSON against a typebox schema; a mismatch is one typed error that names the place. */

import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { errorText, InvokerError } from '../errors.ts';
import { type Json, parseJson } from './json.ts';

/** Returns a function that gives the value back typed, or throws InvokerError MESSAGE_INVALID. */
export function checker<S extends TSchema>(what: string, schema: S): (value: unknown) => Static<S> {
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return value as Static<S>;
    const [first] = compiled.Errors(value);
    const place = first === undefined ? '' : ` at ${first.instancePath || '/'}: ${first.message}`;
    throw new InvokerError('MESSAGE_INVALID', `${what}${place}`);
  };
}

/** Parses a JSON object; anything else is MESSAGE_INVALID. */
export function parseObject(what: string, text: string): { [key: string]: Json } {
  let value: Json;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new InvokerError('MESSAGE_INVALID', `${what}: ${errorText(error)}`, { cause: error });
  }
  if (!isJsonObject(value)) throw new InvokerError('MESSAGE_INVALID', `${what}: not an object`);
  return value;
}

/** A JSON object, as opposed to null, an array, a scalar or a raw number. */
export function isJsonObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRaw(value);
}

function isRaw(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

/** OpenWhisk's writers omit absent options, its readers take null for absent as well. */
export function dropNulls(value: { [key: string]: Json }, keep: readonly string[] = []): { [key: string]: Json } {
  for (const key of Object.keys(value)) if (value[key] === null && !keep.includes(key)) delete value[key];
  return value;
}
