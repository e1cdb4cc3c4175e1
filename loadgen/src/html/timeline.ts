/** Latency over the time of one run; the windows of bursts are shaded. */

import type { SavedRun } from '../saved/run.ts';
import { Chart } from './chart.ts';
import { digits, duration } from './format.ts';
import type { Markup } from './markup.ts';
import type { Shown } from './runs.ts';
import { linear, logarithmic } from './scale.ts';

const kLeastMs = 0.0001;
const kHeight = 260;

export function timeline(run: SavedRun, shown: readonly Shown[]): Markup | undefined {
  const points = shown.flatMap(({ series }) => series.points);
  if (points.length === 0) return undefined;
  let [end, least, most] = [0, Infinity, kLeastMs];
  for (const [seconds, ms] of points) {
    end = Math.max(end, seconds);
    least = Math.min(least, Math.max(ms, kLeastMs));
    most = Math.max(most, ms);
  }
  for (const [, to] of run.windows) end = Math.max(end, to);
  const chart = new Chart({
    title: `Latency over time: ${run.label}`,
    x: { scale: linear(end), label: 'seconds since the begin', format: digits },
    y: { scale: logarithmic(least, most), label: 'latency', format: duration },
    height: kHeight,
  });
  return chart.svg([
    ...run.windows.map(([from, to]) => chart.band(from, to)),
    ...shown.map(({ series, index }) => chart.dots(index, series.points)),
  ]);
}
