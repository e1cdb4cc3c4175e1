/** Reads saved results, which may come from anywhere. */

import { open } from 'node:fs/promises';
import type { Interference, Side } from '../burst/interference.ts';
import type { Density } from '../density/measure.ts';
import { errorText, LoadError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { Latencies } from '../samples.ts';
import type { Series, StartKind } from '../tally.ts';
import { type SavedRun, savedFormat, savedVersion } from './run.ts';
import {
  amount,
  BadValue,
  fields,
  flag,
  list,
  number,
  oneOf,
  orNull,
  pair,
  type Read,
  record,
  text,
  triple,
} from './values.ts';

const kMostBytes = 64 << 20;

/** Rejects with LoadError RUN_UNREADABLE. */
export async function readSaved(path: string): Promise<SavedRun> {
  try {
    const file = await open(path);
    try {
      if ((await file.stat()).size > kMostBytes) throw new BadValue('the file is too long');
      return parseSaved(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new LoadError('RUN_UNREADABLE', `${path}: ${errorText(error)}`, { cause: error });
  }
}

export function parseSaved(json: string): SavedRun {
  const value: unknown = JSON.parse(json);
  const { format, version } = fields(value, 'run');
  if (format !== savedFormat) throw new BadValue('not written by --save');
  if (version !== savedVersion)
    throw new BadValue(`version ${JSON.stringify(version)?.slice(0, 20)}, not ${savedVersion}`);
  return readRun(value, 'run');
}

const readLatencies = record<Latencies>({ p50: amount, p90: amount, p99: amount, max: amount });
const readStarts = record<Record<StartKind, number>>({ cold: amount, warm: amount, hot: amount });

const readSeries = record<Series>({
  name: text,
  count: amount,
  errors: amount,
  starts: readStarts,
  latencyMs: readLatencies,
  // Beyond the room that recording.ts takes, with its points still to be merged.
  histogram: list(pair(bucket, amount), 10_000),
  points: list(pair(amount, amount), 20_000),
});

const readMachine = record<Machine>({
  cpu: text,
  cores: amount,
  memoryGb: amount,
  kernel: text,
  node: text,
  virtual: flag,
  kvm: flag,
  load: amount,
  time: text,
});

const readSide = record<Side>({ count: amount, p50: amount, p99: amount });
const readInterference = record<Interference>({
  inside: readSide,
  outside: readSide,
  ratio: orNull(amount),
  allowed: amount,
  verdict: oneOf('kept', 'BROKEN', 'unknown'),
});

const readDensity = record<Density>({
  what: oneOf('cached', 'live'),
  functions: amount,
  endedBy: oneOf('count', 'budget', 'machine'),
  // What others gave back meanwhile makes a fall negative.
  memoryMb: number,
  fixedMb: number,
  noiseMb: amount,
  memoryEachMb: number,
  diskMb: amount,
  diskEachMb: amount,
  ownEachMb: orNull(amount),
  in20Gb: record<Density['in20Gb']>({ memory: orNull(amount), disk: orNull(amount) }),
  curve: list(triple(amount, number, amount), 10_000),
});

const readRun: Read<SavedRun> = record<SavedRun>({
  format: oneOf(savedFormat),
  version: () => savedVersion,
  label: text,
  machine: readMachine,
  options: readOptions,
  perSecond: amount,
  series: list(readSeries, 16),
  windows: list(pair(amount, amount), 100_000),
  interference: orNull(readInterference),
  density: orNull(readDensity),
});

/** From 0.0001 ms to more than a year. */
function bucket(value: unknown, at: string): number {
  if (Math.abs(number(value, at)) > 2_500 || !Number.isInteger(value)) throw new BadValue(`${at}: no bucket`);
  return value as number;
}

function readOptions(value: unknown, at: string): SavedRun['options'] {
  const entries = Object.entries(fields(value, at)).slice(0, 100);
  return Object.fromEntries(
    entries.map(([name, each]) => [
      text(name, at),
      typeof each === 'number' ? number(each, at) : typeof each === 'boolean' ? each : text(each, `${at}.${name}`),
    ]),
  );
}
