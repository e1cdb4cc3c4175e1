/** Functions that are kept ready, in one way or another. */

import type { Measured } from '../tally.ts';

export interface Store {
  /** Makes what all of them share. */
  open(): Promise<void>;
  /** Keeps one more function, never seen before; they are numbered from 0. */
  add(): Promise<void>;
  /** The function of this number answers; checked. */
  use(number: number): Promise<Measured>;
  /** What the files of all of them take of the disk, MB; written out, so that no dirty page of theirs is in memory. */
  readonly diskMb: number;
  /** Private memory of one, by /proc, mean of a few, MB; undefined where none lives. */
  ownMb(): Promise<number | undefined>;
  close(): Promise<void>;
}
