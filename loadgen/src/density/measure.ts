/**
 * How many functions fit: keeps one after the other until there are enough or the budget is spent, tells the whole cost by the fall of
 * the machine's available memory, and then uses some at random.
 */

import { availableMb as availableNow } from '../memory.ts';
import { type Measurement, measure } from '../runner.ts';
import { settled } from './readings.ts';
import type { Store } from './store.ts';

export interface DensitySettings {
  readonly what: 'cached' | 'live';
  /** At most. */
  readonly count: number;
  /** MB of memory and disk together. */
  readonly budgetMb: number | undefined;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Every two seconds. */
  readonly onProgress?: (count: number, memoryMb: number, diskMb: number) => void;
  /** Uses at random; absent: enough for a 99th percentile. */
  readonly uses?: number;
  /** For tests. */
  readonly availableMb?: () => Promise<number>;
  readonly settleMs?: number;
}

/** Functions kept, the fall of available memory since the beginning, and files on disk, MB. */
export type CurvePoint = readonly [count: number, memoryMb: number, diskMb: number];

export interface Density {
  readonly what: 'cached' | 'live';
  readonly functions: number;
  readonly endedBy: 'count' | 'budget' | 'machine';
  /** Fall of available memory, MB: all of it, and that of what is shared with the first function. */
  readonly memoryMb: number;
  readonly fixedMb: number;
  /** How much it moved by itself while nothing was done, at most. */
  readonly noiseMb: number;
  /** Of each further function. */
  readonly memoryEachMb: number;
  readonly diskMb: number;
  readonly diskEachMb: number;
  /** Private memory of one by /proc, for comparison; null where none lives. */
  readonly ownEachMb: number | null;
  /** How many would fit into 20 GB of memory, and of disk; null where the cost does not stand out from the noise. */
  readonly in20Gb: { readonly memory: number | null; readonly disk: number | null };
  readonly curve: readonly CurvePoint[];
}

export interface DensityMeasurement extends Measurement {
  readonly density: Density;
}

const kProgressMs = 2_000;
/** V8 gives some memory back when it is idle. */
const kSettleMs = 2_000;
/** The machine keeps so much. */
const kReserveMb = 768;
const kUses = { cached: 200, live: 1_000 };
const kExtrapolatedMb = 20 * 1024;
/** So many times the noise all of them together have to cost. */
const kAboveNoise = 2;

export async function measureDensity(store: Store, settings: DensitySettings): Promise<DensityMeasurement> {
  const { what, count, budgetMb = Infinity, concurrency, signal } = settings;
  const { availableMb = availableNow, settleMs = kSettleMs, uses = kUses[what] } = settings;
  const curve: CurvePoint[] = [];
  let functions = 0;
  let memoryMb = 0;
  let noiseMb = 0;
  let before = 0;
  const settle = async (): Promise<number> => {
    const { availableMb: available, spreadMb } = await settled(availableMb, settleMs, signal);
    noiseMb = Math.max(noiseMb, spreadMb);
    return available;
  };
  const isSpent = (available: number) => before - available + store.diskMb >= budgetMb;
  const point = () => {
    // The settled figure takes the place of the hasty one.
    if (curve.at(-1)?.[0] === functions) curve.pop();
    curve.push([functions, round(memoryMb), round(store.diskMb)]);
  };
  const progress = setInterval(() => settings.onProgress?.(functions, memoryMb, store.diskMb), kProgressMs);
  try {
    before = await settle();
    await store.open();
    await store.add();
    functions = 1;
    memoryMb = before - (await settle());
    point();
    const fixedMb = memoryMb;
    let endedBy: Density['endedBy'] = 'count';
    while (functions < count) {
      signal.throwIfAborted();
      await store.add();
      functions += 1;
      const available = await availableMb();
      memoryMb = before - available;
      if (functions >= nextPoint(curve)) point();
      if (available < kReserveMb) endedBy = 'machine';
      // One reading may be another's doing.
      else if (isSpent(available) && isSpent(await settle())) endedBy = 'budget';
      if (endedBy !== 'count') break;
    }
    clearInterval(progress);
    memoryMb = before - (await settle());
    point();
    const ownMb = await store.ownMb();
    const memoryEachMb = functions > 1 ? (memoryMb - fixedMb) / (functions - 1) : 0;
    const diskEachMb = store.diskMb / functions;
    const density: Density = {
      what,
      functions,
      endedBy,
      memoryMb: round(memoryMb),
      fixedMb: round(fixedMb),
      noiseMb: round(noiseMb),
      memoryEachMb: round(memoryEachMb),
      diskMb: round(store.diskMb),
      diskEachMb: round(diskEachMb),
      ownEachMb: ownMb === undefined ? null : round(ownMb),
      in20Gb: {
        memory: memoryMb - fixedMb > kAboveNoise * noiseMb ? fitting(memoryEachMb, fixedMb - memoryEachMb) : null,
        disk: store.diskMb > 0 ? fitting(diskEachMb, 0) : null,
      },
      curve,
    };
    const measurement = await measure({ count: uses, concurrency, signal }, () =>
      store.use(Math.floor(Math.random() * functions)),
    );
    return { ...measurement, density };
  } finally {
    clearInterval(progress);
    await store.close();
  }
}

/** Points lie ever further apart: some hundreds are enough for any count. */
function nextPoint(curve: readonly CurvePoint[]): number {
  const last = curve.at(-1)?.[0] ?? 0;
  return last + Math.max(1, Math.floor(last / 50));
}

function fitting(eachMb: number, sharedMb: number): number {
  return Math.max(0, Math.floor((kExtrapolatedMb - Math.max(0, sharedMb)) / eachMb));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
