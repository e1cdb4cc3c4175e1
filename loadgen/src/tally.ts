/** Gathers what came of invocations: latencies, starts, errors. */

import { errorText } from './errors.ts';
import { type Recorded, Recording } from './recording.ts';
import { type Latencies, Samples } from './samples.ts';

export type StartKind = 'cold' | 'warm' | 'hot';

/** One successful invocation. */
export interface Measured {
  readonly ms: number;
  readonly start: StartKind;
}

export interface Totals {
  readonly count: number;
  readonly errors: number;
  readonly starts: Readonly<Record<StartKind, number>>;
  readonly latencyMs: Latencies;
}

/** Latencies of one sort, whole. */
export interface Series extends Totals, Recorded {
  readonly name: string;
}

const kErrorTexts = 5;

export class Tally {
  readonly #samples = new Samples();
  readonly #recording = new Recording();
  readonly #starts = { cold: 0, warm: 0, hot: 0 };
  readonly #errorTexts: string[] = [];
  #errors = 0;

  /** `seconds`: when it ended, since the run began. */
  add(seconds: number, { ms, start }: Measured): void {
    this.#samples.add(ms);
    this.#recording.add(seconds, ms);
    this.#starts[start] += 1;
  }

  fail(error: unknown): void {
    this.#errors += 1;
    if (this.#errorTexts.length < kErrorTexts) this.#errorTexts.push(errorText(error));
  }

  get errors(): number {
    return this.#errors;
  }

  /** Failed ones included. */
  get count(): number {
    return this.#samples.count + this.#errors;
  }

  /** The first few, for people. */
  get errorTexts(): readonly string[] {
    return this.#errorTexts;
  }

  totals(): Totals {
    return {
      count: this.count,
      errors: this.#errors,
      starts: { ...this.#starts },
      latencyMs: this.#samples.latencies(),
    };
  }

  series(name: string): Series {
    return { name, ...this.totals(), ...this.#recording.recorded() };
  }
}

/** Two decimals. */
export function perSecond(count: number, ms: number): number {
  return Math.round((count / (ms / 1000)) * 100) / 100;
}
