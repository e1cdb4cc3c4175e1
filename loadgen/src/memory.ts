/** Memory of the whole machine. */

import { readFile } from 'node:fs/promises';
import { freemem } from 'node:os';

const kMb = 1 << 20;

/** MB that could be given out without swapping, by the kernel's estimate; the page cache of clean files counts as free. */
export async function availableMb(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kb = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kb === undefined ? freemem() / kMb : Number(kb) / 1024;
}
