/** Distributions of latency: which share of the invocations took at most so long. */

import { msOf } from '../recording.ts';
import { Chart } from './chart.ts';
import { duration } from './format.ts';
import type { Markup } from './markup.ts';
import type { Shown } from './runs.ts';
import { logarithmic } from './scale.ts';

export function cdfChart(shown: readonly Shown[]): Markup | undefined {
  const drawn = shown.filter(({ series }) => series.histogram.length > 0);
  if (drawn.length === 0) return undefined;
  const buckets = drawn.flatMap(({ series }) => series.histogram.map(([bucket]) => bucket));
  const [least, most] = buckets.reduce(([low, high], each) => [Math.min(low, each), Math.max(high, each)], [
    Infinity,
    -Infinity,
  ] as [number, number]);
  const chart = new Chart({
    title: 'Latency distribution',
    x: { scale: logarithmic(msOf(least), msOf(most)), label: 'latency', format: duration },
    y: { scale: { ticks: [0, 25, 50, 75, 90, 99], at: (share) => share / 100 }, label: 'invocations', format: percent },
  });
  return chart.svg(drawn.map(({ series, index }) => chart.line(index, cumulated(series.histogram))));
}

export function cumulated(histogram: Shown['series']['histogram']): [ms: number, percent: number][] {
  const sorted = histogram.toSorted(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0) || 1;
  let sum = 0;
  const points: [number, number][] = [[msOf(sorted[0]?.[0] ?? 0), 0]];
  for (const [bucket, count] of sorted) {
    sum += count;
    points.push([msOf(bucket), (100 * sum) / total]);
  }
  return points;
}

function percent(value: number): string {
  return `${value} %`;
}
