/** Cold starts: every VM gets a function never seen before, by /init, and runs it once. */

import { uniqueFunction } from '../functions.ts';
import type { Measurement, RunOptions } from '../runner.ts';
import { measureStarts, type Starts } from './starts.ts';
import { newInstance, type VmSettings } from './vms.ts';

export function measureCold(settings: VmSettings, options: RunOptions, pool: number): Promise<Measurement> {
  const starts: Starts = {
    make: () => newInstance(settings, options.signal),
    functionOf: uniqueFunction,
    answer: async (instance, measured, n) => {
      await instance.init(measured);
      await instance.run(measured, n);
    },
  };
  return measureStarts(starts, options, pool);
}
