/** Measures sorts of starts in turns, and brings their figures into rows: percentiles of time, medians of what they cost. */

import { median } from '../compute/figures.ts';
import { errorText } from '../errors.ts';
import { columns, ms } from '../report.ts';
import { type Latencies, Samples } from '../samples.ts';
import type { Cost, Start } from './starts.ts';

export interface CostRow {
  readonly name: string;
  /** Starts; of hot ones, invocations. */
  readonly n: number;
  readonly errors: number;
  readonly latencyMs: Latencies;
  /** Medians; null for what is not known. */
  readonly cost: Readonly<Record<keyof Cost, number | null>>;
  /** The first error. */
  readonly problem?: string;
}

/** After so many failures in a row a sort is given up. */
const kMaxFailures = 3;

const keys = ['faults', 'pages', 'exits', 'traps'] as const satisfies readonly (keyof Cost)[];

class Tally {
  readonly start: Start;
  readonly #samples = new Samples();
  readonly #costs: Cost[] = [];
  #errors = 0;
  #failures = 0;
  #problem: string | undefined;

  constructor(start: Start) {
    this.start = start;
  }

  async take(n: number): Promise<void> {
    if (this.#failures >= kMaxFailures) return;
    try {
      const { ms: times, cost } = await this.start.sample(n);
      for (const time of times) this.#samples.add(time);
      this.#costs.push(cost);
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#errors += 1;
      this.#problem ??= errorText(error);
    }
  }

  row(): CostRow {
    const medianOf = (key: keyof Cost) => medianOfKnown(this.#costs.map((cost) => cost[key]));
    return {
      name: this.start.name,
      n: this.#samples.count,
      errors: this.#errors,
      latencyMs: this.#samples.latencies(),
      cost: {
        faults: medianOf('faults'),
        pages: medianOf('pages'),
        exits: medianOf('exits'),
        traps: medianOf('traps'),
      },
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }
}

/** `count` samples of each; they take turns, so that whatever else the machine does hits them alike. */
export async function measureCosts(starts: readonly Start[], count: number, signal: AbortSignal): Promise<CostRow[]> {
  const tallies = starts.map((start) => new Tally(start));
  for (let n = 0; n < count; n += 1) {
    for (const tally of tallies) {
      signal.throwIfAborted();
      await tally.take(n);
    }
  }
  return tallies.map((tally) => tally.row());
}

function medianOfKnown(values: readonly number[]): number | null {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? null : Math.round(median(known) * 100) / 100;
}

export function costTable(rows: readonly CostRow[]): string {
  return columns([
    ['', 'n', 'median', 'p99', 'host faults', 'own pages', 'exits', 'traps', 'errors'],
    ...rows.map(({ name, n, latencyMs, cost, errors, problem }) => [
      name,
      String(n),
      n === 0 ? '-' : ms(latencyMs.p50),
      n === 0 ? '-' : ms(latencyMs.p99),
      ...keys.map((key) => (cost[key] === null ? '-' : String(cost[key]))),
      problem === undefined ? String(errors) : `${errors} (${problem})`,
    ]),
  ]);
}
