/** One run of one fuzz target: libFuzzer's process, and what it tells on stderr. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../paths.mjs';
import type { Target } from './targets.ts';

export interface FuzzRun {
  readonly cases: number;
  readonly seconds: number;
  /** Edges reached. */
  readonly coverage: number;
  /** Files with the inputs that ended the process. */
  readonly findings: readonly string[];
  /** The last lines that a failed run wrote; empty when it did not fail. */
  readonly complaint: readonly string[];
}

export interface FuzzLimits {
  readonly cases?: number;
  readonly seconds?: number;
  readonly seed: number;
  /** An input that takes longer is a finding. Default: 10. */
  readonly caseSeconds?: number;
  /** New inputs go to the first; all are read. */
  readonly corpora: readonly string[];
}

const keptLines = 60;
const defaultCaseSeconds = 10;
const memoryMb = 2048;

export async function runTarget(target: Target, limits: FuzzLimits, signal: AbortSignal): Promise<FuzzRun> {
  const started = performance.now();
  const before = new Set(readdirSync(target.findings));
  const args = [
    ...target.options,
    `-seed=${limits.seed}`,
    `-timeout=${limits.caseSeconds ?? defaultCaseSeconds}`,
    `-rss_limit_mb=${memoryMb}`,
    `-artifact_prefix=${target.findings}/`,
    '-print_final_stats=1',
    ...(limits.cases === undefined ? [] : [`-runs=${limits.cases}`]),
    ...(limits.seconds === undefined ? [] : [`-max_total_time=${limits.seconds}`]),
    ...limits.corpora,
  ];
  const child = spawn(target.binary, args, { cwd: root, signal, stdio: ['ignore', 'ignore', 'pipe'] });
  // An abort is told by 'close', too.
  child.on('error', () => {});
  const closed = once(child, 'close');
  let cases = 0;
  let coverage = 0;
  let tail: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    cases = Number(/^stat::number_of_executed_units:\s*(\d+)/.exec(line)?.[1] ?? cases);
    coverage = Number(/\bcov: (\d+)/.exec(line)?.[1] ?? coverage);
    tail = [...tail.slice(1 - keptLines), line];
  }
  const [code] = (await closed) as [number | null];
  const findings = readdirSync(target.findings)
    .filter((name) => !before.has(name))
    .map((name) => join(target.findings, name));
  const failed = code !== 0 && !signal.aborted;
  return {
    cases,
    coverage,
    seconds: (performance.now() - started) / 1000,
    findings,
    complaint: failed ? tail : [],
  };
}
