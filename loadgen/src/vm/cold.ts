/**
 * Cold starts without the API: every invocation is a new VM, a function never seen before, /init and /run. The clock
 * starts before the VM is created. Ending the VM is not part of the latency, but of the rate.
 */

import { uniqueFunction } from '../functions.ts';
import { type Measurement, measure, type RunOptions } from '../runner.ts';
import { Stock } from './stock.ts';
import { newInstance, startOf, type VmSettings } from './vms.ts';

export async function measureCold(settings: VmSettings, options: RunOptions, pool: number): Promise<Measurement> {
  const stock = new Stock(pool, () => newInstance(settings, options.signal));
  try {
    await stock.fill();
    return await measure(options, async (n) => {
      const measured = uniqueFunction();
      const from = performance.now();
      const instance = await stock.take();
      try {
        await instance.init(measured);
        await instance.run(measured, n);
        return { ms: performance.now() - from, start: startOf(instance.vm) };
      } finally {
        await instance.end();
      }
    });
  } finally {
    await stock.close();
  }
}
