/** Hot invocations without the API: /run again and again on live VMs, one VM for each worker, after a warm-up. */

import { uniqueFunction } from '../functions.ts';
import { type Measurement, measure, type RunOptions } from '../runner.ts';
import { type Runnable, warmUp } from './contract.ts';

const kWarmUps = 200;

export async function measureHot(make: () => Promise<Runnable>, options: RunOptions): Promise<Measurement> {
  const measured = uniqueFunction();
  const workers = Math.min(options.concurrency, options.count);
  const booted = await Promise.allSettled(Array.from({ length: workers }, make));
  const instances = booted.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  try {
    for (const each of booted) if (each.status === 'rejected') throw each.reason;
    for (const instance of instances) await warmUp(instance, measured, kWarmUps);
    return await measure(options, async (n, worker) => {
      const instance = instances[worker];
      if (instance === undefined) throw new Error('no VM');
      const from = performance.now();
      await instance.run(measured, n);
      return { ms: performance.now() - from, start: 'hot' };
    });
  } finally {
    await Promise.all(instances.map((each) => each.end()));
  }
}
