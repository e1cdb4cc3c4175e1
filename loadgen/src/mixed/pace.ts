/**
 * Holds the cores that this process may run on (`taskset`) at a share of their CPU time: every worker rests between two invocations,
 * and the rest is made longer or shorter by what /proc/stat says of the last second. Everything on these cores counts, not only our own.
 */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { allowedCores } from '../affinity.ts';

export interface CpuTimes {
  readonly busy: number;
  readonly all: number;
}

export function readCpuTimes(
  text = readFileSync('/proc/stat', 'utf8'),
  cores: readonly number[] = allowedCores(),
): CpuTimes {
  let all = 0;
  let idle = 0;
  for (const core of cores) {
    const fields = (new RegExp(`^cpu${core} +(.*)$`, 'm').exec(text)?.[1] ?? '').split(' ').map(Number).slice(0, 8);
    all += fields.reduce((a, b) => a + b, 0);
    idle += (fields[3] ?? 0) + (fields[4] ?? 0);
  }
  return { all, busy: all - idle };
}

const kPeriodMs = 1_000;
const kMinRestMs = 0.05;
const kMaxRestMs = 5_000;
/** How strongly one second's error acts: gentle, because one second says little. */
const kGain = 0.7;

export class Pace {
  readonly #target: number | undefined;
  #restMs: number;
  #before: CpuTimes | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busySum = 0;
  #periods = 0;

  /** `percent` of all CPU time; undefined: no rest at all. */
  constructor(percent: number | undefined) {
    this.#target = percent === undefined ? undefined : percent / 100;
    this.#restMs = percent === undefined ? 0 : 20;
  }

  start(): void {
    this.#before = readCpuTimes();
    this.#timer = setInterval(() => this.adjust(readCpuTimes()), kPeriodMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The mean share of CPU time since start(), percent. */
  get meanPercent(): number {
    return this.#periods === 0 ? 0 : Math.round((1000 * this.#busySum) / this.#periods) / 10;
  }

  get restMs(): number {
    return this.#restMs;
  }

  adjust(now: CpuTimes): void {
    const before = this.#before ?? now;
    this.#before = now;
    if (now.all <= before.all) return;
    const busy = (now.busy - before.busy) / (now.all - before.all);
    this.#busySum += busy;
    this.#periods += 1;
    if (this.#target === undefined) return;
    const factor = Math.exp((kGain * (busy - this.#target)) / this.#target);
    this.#restMs = Math.min(kMaxRestMs, Math.max(kMinRestMs, this.#restMs * factor));
  }

  async rest(signal: AbortSignal): Promise<void> {
    // Below a millisecond timers round up: rest now and then instead.
    if (this.#restMs >= 1) await sleep(this.#restMs, undefined, { signal });
    else if (Math.random() < this.#restMs) await sleep(1, undefined, { signal });
  }
}
