/** The rows of `npm run bench -- compute`: programs that are pieces of real work, and the action that times one of them. */

import { readFileSync } from 'node:fs';
import type { MeasuredFunction } from '../functions.ts';

export const rowNames = [
  'loops',
  'float',
  'json',
  'regex',
  'strings',
  'typed-arrays',
  'gc',
  'map',
  'wasm',
  'zlib',
  'crypto',
] as const;

export type RowName = (typeof rowNames)[number];

/** Rows that mostly touch memory that the program has just got from the system. */
export const freshMemoryRows: ReadonlySet<RowName> = new Set(['typed-arrays', 'gc', 'zlib']);

/** What an invocation answers. */
export interface Timing {
  readonly checksum: number;
  /** By the program's own clock. */
  readonly ms: number;
}

/** A row's work, once for each invocation, timed from within. Its answers are right when all have the same checksum. */
export class TimedFunction implements MeasuredFunction {
  readonly source: string;
  timing: Timing | undefined;
  readonly #expected: () => number | undefined;

  constructor(row: RowName, expected: () => number | undefined) {
    const program = readFileSync(new URL(`programs/${row}.cjs`, import.meta.url), 'utf8');
    this.source = `${program}
function main() {
  const from = performance.now();
  const checksum = work();
  return { ms: performance.now() - from, checksum };
}
`;
    this.#expected = expected;
  }

  argumentsOf(n: number): { n: number } {
    return { n };
  }

  check(_n: number, result: unknown): string | undefined {
    const { checksum, ms } = (result ?? {}) as Partial<Record<keyof Timing, unknown>>;
    if (typeof checksum !== 'number' || !Number.isFinite(checksum) || typeof ms !== 'number' || !(ms > 0))
      return `wrong result: ${JSON.stringify(result)?.slice(0, 200)}`;
    this.timing = { checksum, ms };
    const expected = this.#expected();
    return expected === undefined || checksum === expected ? undefined : `checksum ${checksum} instead of ${expected}`;
  }
}
