/** A saved result: all that a report needs of one run, as JSON. */

import type { Interference } from '../burst/interference.ts';
import type { Window } from '../burst/windows.ts';
import type { Density } from '../density/measure.ts';
import type { Machine } from '../machine.ts';
import type { Series } from '../tally.ts';

export const savedFormat = 'ebbwhisk-loadgen';
/** Grows when a reader of an older version would misunderstand. */
export const savedVersion = 1;

export interface SavedRun {
  readonly format: typeof savedFormat;
  readonly version: typeof savedVersion;
  readonly label: string;
  /** Before the measurement. */
  readonly machine: Machine;
  /** Of the command line, without what is secret; how the VMs were started, not what was asked for, is in `series`. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly perSecond: number;
  /** Histogram buckets and points as of recording.ts. */
  readonly series: readonly Series[];
  /** Times in which bursts were under way, seconds. */
  readonly windows: readonly Window[];
  /** Of --mode burst, else null. */
  readonly interference: Interference | null;
  /** Of --mode density, else null. */
  readonly density: Density | null;
}
