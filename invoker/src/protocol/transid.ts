/**
 * Transaction ids: `["<id>", startMillis]`, with an optional `true` (extra logging) and an optional parent of the same
 * form. They are kept as the array that was received, because the controller compares an ack's transid with its own,
 * array shape and number included (it recognises its health probe only so).
 */

import { Type } from 'typebox';
import { isRawNumber, type Json } from './json.ts';

export type Transid = Json[];

export const TransidSchema = Type.Unsafe<Transid>(Type.Array(Type.Unknown(), { maxItems: 4 }));

export interface TransidMeta {
  readonly id: string;
  /** When the transaction started, milliseconds since the epoch; undefined when it does not say. */
  readonly start: number | undefined;
  readonly extraLogging: boolean;
  readonly parent: TransidMeta | undefined;
}

const kMaxParents = 16;
const unknown: TransidMeta = { id: 'sid_unknown', start: undefined, extraLogging: false, parent: undefined };

export function makeTransid(id: string, startMs: number, parent?: Transid): Transid {
  return parent === undefined ? [id, startMs] : [id, startMs, parent];
}

/** Reads what can be read; a form that nobody writes gives `sid_unknown`, as the stock reader does. */
export function transidMeta(transid: Transid, depth = 0): TransidMeta {
  const [id, start, third, fourth] = transid;
  const startMs = millis(start);
  if (typeof id !== 'string' || startMs === undefined) return unknown;
  const extraLogging = third === true;
  const parent = typeof third === 'boolean' ? fourth : third;
  return {
    id,
    start: startMs,
    extraLogging,
    parent: Array.isArray(parent) && depth < kMaxParents ? transidMeta(parent, depth + 1) : undefined,
  };
}

export function isSystemTransid(transid: Transid): boolean {
  return transidMeta(transid).id.startsWith('sid_');
}

function millis(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  return isRawNumber(value) ? Number(value.rawJSON) : undefined;
}
