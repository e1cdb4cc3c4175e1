/** What any mode measures, and whether that is a success. */

import type { BurstMeasurement } from './burst/measure.ts';
import type { DensityMeasurement } from './density/measure.ts';
import { growth } from './mixed/footprint.ts';
import type { MixedMeasurement } from './mixed/measure.ts';
import type { Measurement } from './runner.ts';

export type Result = Measurement | MixedMeasurement | BurstMeasurement | DensityMeasurement;

export function isMixed(result: Result): result is MixedMeasurement {
  return 'footprints' in result;
}

export function isBurst(result: Result): result is BurstMeasurement {
  return 'bursts' in result;
}

export function isDensity(result: Result): result is DensityMeasurement {
  return 'density' in result;
}

export function hasFailed(result: Result): boolean {
  if (result.errors > 0) return true;
  if (isMixed(result)) return growth(result.footprints).some(({ grew }) => grew);
  return isBurst(result) && (result.background.errors > 0 || result.background.verdict === 'BROKEN');
}
