/** Containers in place of VMs, in the same measurements. */

import type { Measurement, RunOptions } from '../runner.ts';
import { measureCold } from '../vm/cold.ts';
import { measureHot } from '../vm/hot.ts';
import { Container } from './container.ts';
import { ensureImage, findEngine } from './engine.ts';

export interface DockerSettings {
  readonly mode: 'cold' | 'hot';
  readonly image: string;
  readonly memoryMb: number;
  /** Containers started ahead. */
  readonly pool: number;
}

export async function measureDocker(
  { mode, image, memoryMb, pool }: DockerSettings,
  options: RunOptions,
): Promise<Measurement> {
  const { signal } = options;
  const engine = await findEngine();
  await ensureImage(engine, image, signal);
  const make = () => Container.start({ engine, image, memoryMb, signal });
  return mode === 'hot' ? measureHot(make, options) : measureCold(make, options, pool);
}
