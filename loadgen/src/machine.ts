/** Facts of the machine that a figure means nothing without. */

import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { kvmRefusal } from '@ebbwhisk/libos-node';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  /** Whether this machine is itself a virtual one. */
  readonly virtual: boolean;
  readonly kvm: boolean;
  /** Processes running on average over the last minute, before the measurement. */
  readonly load: number;
  readonly time: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round((totalmem() / 1024 ** 3) * 10) / 10,
    kernel: release(),
    node: process.version,
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(readText('/proc/cpuinfo')),
    kvm: isKvmThere(),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    time: new Date().toISOString(),
  };
}

export function isKvmThere(): boolean {
  return kvmRefusal() === undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
