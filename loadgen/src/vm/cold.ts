/** Cold starts: every VM gets a function never seen before, by /init, and runs it once. */

import { uniqueFunction } from '../functions.ts';
import type { Measurement, RunOptions } from '../runner.ts';
import type { Runnable } from './contract.ts';
import { measureStarts, type Starts } from './starts.ts';

export function measureCold(make: () => Promise<Runnable>, options: RunOptions, pool: number): Promise<Measurement> {
  const starts: Starts = {
    make,
    functionOf: uniqueFunction,
    answer: async (instance, measured, n) => {
      await instance.init(measured);
      await instance.run(measured, n);
    },
  };
  return measureStarts(starts, options, pool);
}
