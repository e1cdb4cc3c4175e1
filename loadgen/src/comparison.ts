/**
 * Measures several variants of one thing in one run. The variants take turns, round by round, so that whatever else
 * the machine does hits them alike; regressions are judged by the ratio to the baseline, never by absolute figures.
 */

import { errorText } from './errors.ts';
import { type Latencies, Samples } from './samples.ts';

/** Something measured again and again. */
export interface Subject {
  /** Resolves with milliseconds. */
  sample(n: number): Promise<number>;
  close(): Promise<void>;
}

export interface Variant {
  readonly name: string;
  open(): Promise<Subject>;
}

export interface Row {
  readonly name: string;
  readonly n: number;
  readonly errors: number;
  readonly latencyMs: Latencies;
  /** Median over the first variant's median; absent where one of them has none. */
  readonly ratio?: number;
  /** Why there is nothing, or not everything. */
  readonly problem?: string;
}

export interface ComparisonOptions {
  readonly rounds: number;
  /** Samples of each variant in a round. */
  readonly perRound: number;
  readonly signal: AbortSignal;
}

interface Contestant {
  readonly variant: Variant;
  readonly subject: Subject | undefined;
  readonly samples: Samples;
  errors: number;
  problem: string | undefined;
}

/** After so many failures in a row a variant is given up. */
const kMaxFailures = 3;

/** The first variant is the baseline. */
export async function compare(variants: readonly Variant[], options: ComparisonOptions): Promise<Row[]> {
  const contestants: Contestant[] = [];
  try {
    for (const variant of variants) contestants.push(await open(variant));
    for (let round = 0; round < options.rounds; round += 1) {
      for (const contestant of contestants) await takeTurn(contestant, round, options);
    }
  } finally {
    await Promise.all(contestants.map(({ subject }) => subject?.close()));
  }
  const baseline = contestants[0]?.samples;
  return contestants.map((contestant) => toRow(contestant, baseline));
}

async function open(variant: Variant): Promise<Contestant> {
  const contestant = { variant, samples: new Samples(), errors: 0 };
  try {
    return { ...contestant, subject: await variant.open(), problem: undefined };
  } catch (error) {
    return { ...contestant, subject: undefined, problem: errorText(error) };
  }
}

async function takeTurn(contestant: Contestant, round: number, options: ComparisonOptions): Promise<void> {
  const { subject, samples } = contestant;
  if (subject === undefined) return;
  let failures = 0;
  for (let index = 0; index < options.perRound && failures < kMaxFailures; index += 1) {
    options.signal.throwIfAborted();
    try {
      samples.add(await subject.sample(round * options.perRound + index));
      failures = 0;
    } catch (error) {
      failures += 1;
      contestant.errors += 1;
      contestant.problem ??= errorText(error);
    }
  }
}

function toRow({ variant, samples, errors, problem }: Contestant, baseline: Samples | undefined): Row {
  const latencyMs = samples.latencies();
  const base = baseline?.latencies().p50 ?? 0;
  return {
    name: variant.name,
    n: samples.count,
    errors,
    latencyMs,
    ...(base > 0 && samples.count > 0 ? { ratio: Math.round((latencyMs.p50 / base) * 100) / 100 } : {}),
    ...(problem === undefined ? {} : { problem }),
  };
}
