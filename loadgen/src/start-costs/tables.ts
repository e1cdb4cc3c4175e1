/** The table of starts of each tender, all measured in the same turns. */

import type { Profile, TenderKind } from '@ebbwhisk/libos-node';
import { uniqueFunction } from '../functions.ts';
import type { VmSettings } from '../vm/vms.ts';
import { bundle, bundleText } from './bundle.ts';
import { type CostRow, measureCosts } from './measure.ts';
import { cold, coldBundle, hot, type Start, warm } from './starts.ts';

export interface TableOptions {
  readonly tenders: readonly TenderKind[];
  readonly kind: string;
  readonly memoryMb: number;
  readonly profile?: Profile;
  /** Also an action of 5 MB. */
  readonly bundle: boolean;
  /** Samples of each sort. */
  readonly count: number;
  readonly signal: AbortSignal;
}

export interface CostTable {
  readonly tender: TenderKind;
  readonly rows: readonly CostRow[];
}

export async function costTables({ tenders, count, signal, ...options }: TableOptions): Promise<CostTable[]> {
  // Loaded on demand, as in vm/boots.ts.
  const { Templates } = await import('@ebbwhisk/libos-node');
  const templates = new Templates();
  const starts: { tender: TenderKind; start: Start }[] = [];
  const text = options.bundle ? bundleText() : undefined;
  try {
    for (const tender of tenders) {
      const { kind, memoryMb, profile } = options;
      const vm = { kind, memoryMb, tender, ...(profile === undefined ? {} : { profile }) };
      await templates.prepare(vm);
      const settings: VmSettings = { boot: templates.clone, clone: templates.clone, options: vm };
      for await (const start of startsOf(settings, text, signal)) starts.push({ tender, start });
    }
    const rows = await measureCosts(
      starts.map(({ start }) => start),
      count,
      signal,
    );
    return tenders.map((tender) => ({ tender, rows: rows.filter((_, index) => starts[index]?.tender === tender) }));
  } finally {
    await Promise.all(starts.map(({ start }) => start.close()));
    await templates.close();
  }
}

async function* startsOf(settings: VmSettings, text: string | undefined, signal: AbortSignal): AsyncGenerator<Start> {
  yield cold(settings, signal);
  yield await warm('warm', settings, uniqueFunction(), signal);
  yield await hot(settings, signal);
  if (text === undefined) return;
  yield await coldBundle(settings, bundle(text), false, signal);
  yield await coldBundle(settings, bundle(text), true, signal);
  yield await warm('bundle, warm', settings, bundle(text), signal);
}
