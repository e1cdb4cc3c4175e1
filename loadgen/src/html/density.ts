/** What functions that are kept ready cost, by their number: memory as a line, files on disk dashed. */

import { Chart } from './chart.ts';
import { digits, megabytes } from './format.ts';
import type { Markup } from './markup.ts';
import type { Shown } from './runs.ts';
import { linear } from './scale.ts';

export function densityChart(shown: readonly Shown[]): Markup | undefined {
  const drawn = shown.flatMap(({ run: { density }, index }) => (density === null ? [] : [{ density, index }]));
  const points = drawn.flatMap(({ density }) => density.curve);
  if (points.length === 0) return undefined;
  let [functions, low, high] = [1, 0, 1];
  for (const [count, memoryMb, diskMb] of points) {
    functions = Math.max(functions, count);
    low = Math.min(low, memoryMb);
    high = Math.max(high, memoryMb, diskMb);
  }
  const chart = new Chart({
    title: 'Cost by number of functions',
    x: { scale: linear(functions), label: 'functions kept', format: digits },
    y: { scale: linear(high, low), label: 'memory (dashed: disk)', format: megabytes },
  });
  return chart.svg(
    drawn.flatMap(({ density: { curve }, index }) => [
      chart.line(
        index,
        curve.map(([count, memoryMb]) => [count, memoryMb] as const),
      ),
      ...(curve.some(([, , diskMb]) => diskMb > 0)
        ? [
            chart.line(
              index,
              curve.map(([count, , diskMb]) => [count, diskMb] as const),
              true,
            ),
          ]
        : []),
    ]),
  );
}
