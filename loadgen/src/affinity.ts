/** Binds processes with all their threads to one core, so that a VM and plain Node have the same to compute with. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** The cores that this process may run on, ascending. */
export function allowedCores(status = readFileSync('/proc/self/status', 'utf8')): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '0';
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** The last of them: the first ones serve interrupts. */
export function lastCore(): number {
  return allowedCores().at(-1) ?? 0;
}

/** Later threads and children of the processes inherit it. */
export async function bind(pids: readonly number[], core: number): Promise<void> {
  for (const pid of pids) {
    await promisify(execFile)('taskset', ['-a', '-c', '-p', String(core), String(pid)]);
  }
}
