/** Measurements without the API: VMs, plain processes or containers that are started here. */

import type { Templates } from '@ebbwhisk/libos-node';
import type { DensityMeasurement } from '../density/measure.ts';
import type { LoadOptions } from '../options.ts';
import { densityProgressLine } from '../report.ts';
import type { Measurement, RunOptions } from '../runner.ts';
import { bootOf } from './boots.ts';
import { measureCold } from './cold.ts';
import { measureHot } from './hot.ts';
import { newInstance, type VmSettings } from './vms.ts';
import { measureWarm } from './warm.ts';

export async function viaVm(options: LoadOptions, run: RunOptions): Promise<Measurement | DensityMeasurement> {
  const { target, mode, pool } = options;
  if (target === 'docker') {
    const { measureDocker } = await import('../docker/measure.ts');
    return measureDocker(
      { mode: mode === 'hot' ? 'hot' : 'cold', image: options.image, memoryMb: options.memory, pool },
      run,
    );
  }
  const vm = vmOptions(options);
  const isCloned = target === 'libos' && options.template && mode !== 'hot';
  if (!isCloned) {
    const settings = { boot: await bootOf(target), options: vm };
    const make = () => newInstance(settings, run.signal);
    if (mode === 'density') return density(options, run, settings, undefined);
    return mode === 'hot' ? measureHot(make, run) : measureCold(make, run, pool);
  }
  const { Templates } = await import('@ebbwhisk/libos-node');
  const templates = new Templates();
  try {
    const settings = { boot: templates.clone, clone: templates.clone, options: vm };
    if (mode === 'density') return await density(options, run, settings, templates);
    await templates.prepare(vm);
    if (mode === 'warm') return await measureWarm(settings, run, pool);
    return await measureCold(() => newInstance(settings, run.signal), run, pool);
  } finally {
    await templates.close();
  }
}

/** The template is part of the cost, so it is prepared behind the first reading. */
async function density(
  { density: what, count, budget, concurrency }: LoadOptions,
  { signal }: RunOptions,
  settings: VmSettings,
  templates: Templates | undefined,
): Promise<DensityMeasurement> {
  const { CachedStore } = await import('../density/cached.ts');
  const { LiveStore } = await import('../density/live.ts');
  const { measureDensity } = await import('../density/measure.ts');
  const prepare = async () => templates?.prepare(settings.options);
  const store =
    what === 'live' ? new LiveStore(settings, prepare, signal) : await CachedStore.create(settings, prepare, signal);
  const onProgress = (...figures: Parameters<typeof densityProgressLine>) =>
    void process.stderr.write(densityProgressLine(...figures));
  return measureDensity(store, { what, count, budgetMb: budget, concurrency, signal, onProgress });
}

function vmOptions({ kind, tender, memory, profile }: LoadOptions): VmSettings['options'] {
  return { kind, tender, memoryMb: memory, ...(profile === undefined ? {} : { profile }) };
}
