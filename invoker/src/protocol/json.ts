/**
 * JSON that keeps the spelling of numbers. JSON.parse turns 12345678901234567890 into 12345678901234567000 and 1.0 into 1;
 * here a number whose spelling would change becomes a raw JSON object that stringify writes back as it stood.
 */

export type Json = null | boolean | number | string | RawNumber | Json[] | { [key: string]: Json };

/** A number kept as its source text (what JSON.rawJSON makes). */
export interface RawNumber {
  readonly rawJSON: string;
}

interface RawJson {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
  parse(
    text: string,
    reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
}

const raw = JSON as unknown as RawJson;

/**
 * A text without this has only integers of up to 15 digits, whose spelling JavaScript keeps: JSON.parse alone, which is
 * several times faster than with a reviver, is then right. Matches inside strings only cost that time.
 */
const mayRespell = /(?:^|[\s:,[])(?:-0|-?\d+[.eE]|-?\d{16})/;

/** Parses JSON text; numbers that JavaScript would spell differently stay raw. Throws SyntaxError like JSON.parse. */
export function parseJson(text: string): Json {
  if (!mayRespell.test(text)) return JSON.parse(text) as Json;
  return raw.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? raw.rawJSON(source) : value,
  ) as Json;
}

export function stringifyJson(value: Json | undefined): string {
  return JSON.stringify(value);
}

export function isRawNumber(value: unknown): value is RawNumber {
  return raw.isRawJSON(value);
}
