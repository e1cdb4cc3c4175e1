/**
 * Starts without the API: every invocation is a VM of its own. The clock starts before the VM is made, or taken from those made ahead;
 * ending it is not part of the latency, but of the rate.
 */

import type { MeasuredFunction } from '../functions.ts';
import { type Measurement, measure, type RunOptions } from '../runner.ts';
import type { Runnable } from './contract.ts';
import { Stock } from './stock.ts';

export interface Starts {
  readonly make: () => Promise<Runnable>;
  /** What the n-th VM runs; not measured. */
  readonly functionOf: () => MeasuredFunction;
  /** From a VM that is there to its first answer. */
  readonly answer: (instance: Runnable, measured: MeasuredFunction, n: number) => Promise<void>;
}

export async function measureStarts(starts: Starts, options: RunOptions, pool: number): Promise<Measurement> {
  const stock = new Stock(pool, starts.make);
  try {
    await stock.fill();
    return await measure(options, async (n) => {
      const measured = starts.functionOf();
      const from = performance.now();
      const instance = await stock.take();
      try {
        await starts.answer(instance, measured, n);
        return { ms: performance.now() - from, start: instance.start };
      } finally {
        await instance.end();
      }
    });
  } finally {
    await stock.close();
  }
}
