/** The functions that are measured, and the check that an answer is right: a wrong answer is an error, not a latency. */

import { randomUUID } from 'node:crypto';

export interface MeasuredFunction {
  readonly source: string;
  /** Arguments of the n-th invocation. */
  argumentsOf(n: number): { readonly n: number };
  /** Undefined when the result is that of the n-th invocation, else what is wrong. */
  check(n: number, result: unknown): string | undefined;
}

/** Source text that no cache, snapshot or VM can have seen before. */
export function uniqueFunction(): MeasuredFunction {
  const id = randomUUID();
  return {
    source: `function main(args) { return { id: '${id}', n: args.n }; }`,
    argumentsOf: (n) => ({ n }),
    check: (n, result) => {
      const { id: gotId, n: gotN } = (result ?? {}) as { id?: unknown; n?: unknown };
      return gotId === id && gotN === n ? undefined : `wrong result: ${JSON.stringify(result)?.slice(0, 200)}`;
    },
  };
}
