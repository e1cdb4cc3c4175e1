/** Readings of the machine's available memory, which others move, too: several, and what lies in their middle. */

import { setTimeout as sleep } from 'node:timers/promises';

export interface Settled {
  /** Median. */
  readonly availableMb: number;
  /** From the least to the most. */
  readonly spreadMb: number;
}

const kReadings = 10;

/** The second half of `ms` is read: memory comes back late from processes that ended. */
export async function settled(read: () => Promise<number>, ms: number, signal: AbortSignal): Promise<Settled> {
  await sleep(ms / 2, undefined, { signal });
  const readings: number[] = [];
  for (let n = 0; n < kReadings; n += 1) {
    await sleep(ms / 2 / kReadings, undefined, { signal });
    readings.push(await read());
  }
  readings.sort((a, b) => a - b);
  const [least = 0, middle = 0, most = 0] = [0, kReadings >> 1, kReadings - 1].map((at) => readings[at]);
  return { availableMb: middle, spreadMb: most - least };
}
