/**
 * What is kept of each latency, in bounded room: a histogram fine enough to draw its distribution, and points over time. Of a long run
 * neighbouring points are merged, and the slowest of them stays: an outlier is never lost.
 */

/** Bucket k holds what is nearest to kGrowth^k milliseconds: half a percent off at most. */
const kGrowth = 1.01;
const kLogGrowth = Math.log(kGrowth);
const kLeastMs = 0.0001;
const kMaxPoints = 4_000;

/** Bucket and how many are in it, ascending. */
export type Histogram = readonly (readonly [bucket: number, count: number])[];
/** Since the run began, and how long it took. */
export type Point = readonly [seconds: number, ms: number];

export interface Recorded {
  readonly histogram: Histogram;
  readonly points: readonly Point[];
}

export function bucketOf(ms: number): number {
  return Math.round(Math.log(Math.max(ms, kLeastMs)) / kLogGrowth);
}

export function msOf(bucket: number): number {
  return kGrowth ** bucket;
}

export class Recording {
  readonly #counts = new Map<number, number>();
  readonly #points: Point[] = [];
  /** So many latencies become one point. */
  #merged = 1;
  #pending: Point | undefined;
  #inPending = 0;

  add(seconds: number, ms: number): void {
    const bucket = bucketOf(ms);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    if (this.#pending === undefined || ms > this.#pending[1]) this.#pending = [round(seconds), round(ms)];
    this.#inPending += 1;
    if (this.#inPending < this.#merged) return;
    this.#points.push(this.#pending);
    this.#pending = undefined;
    this.#inPending = 0;
    if (this.#points.length >= kMaxPoints) this.#thin();
  }

  recorded(): Recorded {
    return {
      histogram: [...this.#counts].sort(([a], [b]) => a - b),
      points: this.#pending === undefined ? [...this.#points] : [...this.#points, this.#pending],
    };
  }

  #thin(): void {
    const kept = this.#points.splice(0);
    for (let at = 0; at < kept.length; at += 2) {
      const [one, other] = [kept[at], kept[at + 1]];
      if (one !== undefined) this.#points.push(other !== undefined && other[1] > one[1] ? other : one);
    }
    this.#merged *= 2;
  }
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
