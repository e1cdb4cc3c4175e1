/** Binds processes with all their threads to one core, so that a VM and plain Node have the same to compute with. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** The last core that this process may run on: the first ones serve interrupts. */
export function lastCore(): number {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return Number(list.split(/[,-]/).at(-1));
}

/** Later threads and children of the processes inherit it. */
export async function bind(pids: readonly number[], core: number): Promise<void> {
  for (const pid of pids) {
    await promisify(execFile)('taskset', ['-a', '-c', '-p', String(core), String(pid)]);
  }
}
