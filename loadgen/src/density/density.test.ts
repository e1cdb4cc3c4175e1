/** The figures by a store and a machine of the test's own; then both ways to keep functions, under both tenders. */

import { bootProcess, Templates } from '@ebbwhisk/libos-node';
import { afterAll, describe, expect, test } from 'vitest';
import { forTargets } from '../../../test/support/for-targets.ts';
import { libosTenders } from '../../../test/support/libos-targets.ts';
import type { VmSettings } from '../vm/vms.ts';
import { CachedStore } from './cached.ts';
import { LiveStore } from './live.ts';
import { measureDensity } from './measure.ts';
import type { Store } from './store.ts';

const signal = new AbortController().signal;
const common = { concurrency: 1, signal, settleMs: 0 } as const;

/** 100 MB for what is shared, 10 MB of memory and 2 MB of disk for each. */
class FakeStore implements Store {
  added = 0;
  used: number[] = [];
  isOpen = false;

  get diskMb(): number {
    return 2 * this.added;
  }

  readonly availableMb = (): Promise<number> => Promise.resolve(8_000 - (this.isOpen ? 100 : 0) - 10 * this.added);

  async open(): Promise<void> {
    this.isOpen = true;
  }

  async add(): Promise<void> {
    this.added += 1;
  }

  async use(number: number): Promise<{ ms: number; start: 'hot' }> {
    this.used.push(number);
    return { ms: 1 + number, start: 'hot' };
  }

  async ownMb(): Promise<number> {
    return 9;
  }

  async close(): Promise<void> {
    this.isOpen = false;
  }
}

describe('figures', () => {
  test('of a number of functions', async () => {
    const store = new FakeStore();
    const { availableMb } = store;
    const { density, count, starts } = await measureDensity(store, {
      ...common,
      what: 'live',
      count: 200,
      budgetMb: undefined,
      availableMb,
    });
    expect(density).toMatchObject({
      functions: 200,
      endedBy: 'count',
      memoryMb: 2100,
      fixedMb: 110,
      noiseMb: 0,
      memoryEachMb: 10,
      diskMb: 400,
      diskEachMb: 2,
      ownEachMb: 9,
      in20Gb: { memory: 2038, disk: 10_240 },
    });
    expect(density.curve[0]).toEqual([1, 110, 2]);
    expect(density.curve.at(-1)).toEqual([200, 2100, 400]);
    expect(count).toBe(1000);
    expect(starts.hot).toBe(1000);
    expect(new Set(store.used).size).toBeGreaterThan(150);
    expect(store.isOpen).toBe(false);
  });

  test.each([
    [500, 'budget', 34],
    [undefined, 'machine', 714],
  ])('a budget of %s MB ends by %s', async (budgetMb, endedBy, functions) => {
    const store = new FakeStore();
    const { availableMb } = store;
    const { density } = await measureDensity(store, {
      ...common,
      what: 'cached',
      count: Infinity,
      budgetMb,
      availableMb,
    });
    expect(density).toMatchObject({ endedBy, functions });
  });

  test('a machine that others use: the middle counts, and how much it moves is told', async () => {
    const store = new FakeStore();
    let reading = 0;
    // Every third reading somebody has 300 MB.
    const availableMb = async () => {
      reading += 1;
      return (await store.availableMb()) - (reading % 3 === 0 ? 300 : 0);
    };
    const settings = { ...common, what: 'live', count: 20, budgetMb: 450, availableMb } as const;
    // 190 MB for 19 of them are less than the noise.
    const { density } = await measureDensity(store, settings);
    expect(density).toMatchObject({ functions: 20, endedBy: 'count', memoryEachMb: 10, noiseMb: 300, in20Gb: { memory: null, disk: 10_240 } }); // biome-ignore format: one line
  });

  test('nothing is left of one that is aborted, however early', async () => {
    const store = new FakeStore();
    store.isOpen = true;
    const reason = new Error('enough');
    const settings = {
      ...common,
      signal: AbortSignal.abort(reason),
      what: 'live',
      count: 5,
      budgetMb: undefined,
    } as const;
    await expect(measureDensity(store, settings)).rejects.toMatchObject({ cause: reason });
    expect(store.isOpen).toBe(false);
  });

  test('what costs nothing that can be measured is not extrapolated', async () => {
    const store = new FakeStore();
    const availableMb = () => Promise.resolve(8_000);
    const { density } = await measureDensity(store, {
      ...common,
      what: 'cached',
      count: 5,
      budgetMb: undefined,
      availableMb,
    });
    expect(density.in20Gb.memory).toBeNull();
  });
});

const few = { ...common, count: 3, budgetMb: undefined, uses: 6 } as const;

forTargets(libosTenders, ({ name, tender }) => {
  describe(`functions kept: ${name}`, () => {
    const templates = new Templates();
    const options = { kind: 'nodejs:24', memoryMb: 256, tender } as const;
    const settings: VmSettings = { boot: templates.clone, clone: templates.clone, options };
    const prepare = () => templates.prepare(options);
    afterAll(() => templates.close());

    test('as snapshots: every later use is a warm start', async () => {
      const store = await CachedStore.create(settings, prepare, signal);
      const { density, errors, errorTexts, starts } = await measureDensity(store, { ...few, what: 'cached' });
      expect(errorTexts).toEqual([]);
      expect({ errors, starts }).toEqual({ errors: 0, starts: { cold: 0, warm: 6, hot: 0 } });
      expect(density.functions).toBe(3);
      expect(density.ownEachMb).toBeNull();
    });

    test('as live VMs: each answers as itself', async () => {
      const store = new LiveStore(settings, prepare, signal);
      const { density, errors, errorTexts } = await measureDensity(store, { ...few, what: 'live' });
      expect(errorTexts).toEqual([]);
      expect({ errors, diskMb: density.diskMb }).toEqual({ errors: 0, diskMb: 0 });
      // Processes of a guest are closed to their own user.
      if (tender === 'process' && process.getuid?.() !== 0) expect(density.ownEachMb).toBeNull();
      else expect(density.ownEachMb).toBeGreaterThan(0.1);
    });
  });
});

test('plain Node is kept in the same way', async () => {
  const settings: VmSettings = { boot: bootProcess, options: { kind: 'nodejs:24', memoryMb: 256 } };
  const store = new LiveStore(settings, () => Promise.resolve(), signal);
  const { errors, starts } = await measureDensity(store, { ...few, what: 'live' });
  expect({ errors, starts }).toEqual({ errors: 0, starts: { cold: 0, warm: 0, hot: 6 } });
});
