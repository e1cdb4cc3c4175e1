/** What a burst does to invocations that have nothing to do with it. */

import type { Totals } from '../tally.ts';

export interface Side {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Interference {
  /** Background invocations that met a burst, and the others. */
  readonly inside: Side;
  readonly outside: Side;
  /** p99 inside over p99 outside; null where one side has too few to say. */
  readonly ratio: number | null;
  readonly allowed: number;
  readonly verdict: 'kept' | 'BROKEN' | 'unknown';
}

export const allowedRatio = 5;
/** Fewer have no 99th percentile worth the name. */
const kLeast = 20;

export function interference(inside: Totals, outside: Totals): Interference {
  const sides = { inside: sideOf(inside), outside: sideOf(outside) };
  const isKnown = sides.inside.count >= kLeast && sides.outside.count >= kLeast && sides.outside.p99 > 0;
  if (!isKnown) return { ...sides, ratio: null, allowed: allowedRatio, verdict: 'unknown' };
  const ratio = Math.round((sides.inside.p99 / sides.outside.p99) * 100) / 100;
  return { ...sides, ratio, allowed: allowedRatio, verdict: ratio <= allowedRatio ? 'kept' : 'BROKEN' };
}

function sideOf({ count, errors, latencyMs: { p50, p99 } }: Totals): Side {
  return { count: count - errors, p50, p99 };
}
