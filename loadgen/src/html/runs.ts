/** The series of all runs in one order, which gives each its colour; those without a latency have nothing to draw. */

import type { SavedRun } from '../saved/run.ts';
import type { Series } from '../tally.ts';

export interface Shown {
  readonly run: SavedRun;
  readonly series: Series;
  /** Of its colour. */
  readonly index: number;
  readonly name: string;
}

export function shownOf(runs: readonly SavedRun[]): Shown[] {
  return runs
    .flatMap((run) =>
      run.series.map((series) => ({
        run,
        series,
        name: run.series.length === 1 ? run.label : `${run.label}: ${series.name}`,
      })),
    )
    .map((each, index) => ({ ...each, index }));
}
