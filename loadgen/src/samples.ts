/** Latencies of one measurement: recorded in nanoseconds, told in milliseconds. */

import { build } from 'hdr-histogram-js';

export interface Latencies {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

const kNsPerMs = 1_000_000;
const kHighestNs = 3_600_000 * kNsPerMs;

export class Samples {
  readonly #histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: kHighestNs,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 64,
  });

  get count(): number {
    return this.#histogram.totalCount;
  }

  add(ms: number): void {
    this.#histogram.recordValue(Math.min(kHighestNs, Math.max(1, Math.round(ms * kNsPerMs))));
  }

  /** Milliseconds with four decimals; zeros when there is no sample. */
  latencies(): Latencies {
    const at = (percentile: number) =>
      this.count === 0 ? 0 : round(this.#histogram.getValueAtPercentile(percentile) / kNsPerMs);
    return { p50: at(50), p90: at(90), p99: at(99), max: at(100) };
  }
}

function round(ms: number): number {
  return Math.round(ms * 10_000) / 10_000;
}
