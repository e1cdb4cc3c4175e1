/**
 * Cleans up after host processes that could not: they were killed, or the machine lost power.
 *
 * Invariant: nothing of a running owner is touched. A process is killed only when its record names it by pid and start time
 * of this boot and it still runs the recorded program; a folder is removed only when none of its processes is left.
 */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOfThisBoot, isOrphaned } from './owner-name.ts';
import { executableOf, isRunning, type ProcessIdentity, processState } from './process-identity.ts';

export interface Reaped {
  /** Folders removed. */
  readonly folders: number;
  readonly killed: readonly number[];
}

/** How long a killed process gets to be gone; one that the kernel holds keeps its folder for the next time. */
const goneMs = 2_000;
const lookMs = 10;

/** Never rejects: what cannot be removed is left for the next time. Several processes may do it at once. */
export async function reapOrphans(owners: string): Promise<Reaped> {
  const reaped = { folders: 0, killed: [] as number[] };
  const names = await readdir(owners).catch(() => []);
  for (const name of names.filter(isOrphaned)) {
    const folder = join(owners, name);
    const processes = isOfThisBoot(name) ? await survivors(folder) : [];
    for (const survivor of processes) {
      if (kill(survivor)) reaped.killed.push(survivor.pid);
    }
    if (!(await areGone(processes))) continue;
    const removed = await rm(folder, { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
    if (removed) reaped.folders++;
  }
  // Unless others have theirs in it.
  if (reaped.folders > 0) await rmdir(owners).catch(() => {});
  return reaped;
}

interface VmProcess extends ProcessIdentity {
  readonly exe: string;
}

async function survivors(folder: string): Promise<VmProcess[]> {
  const names = await readdir(folder).catch(() => []);
  const records = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readRecord(join(folder, name))),
  );
  return records.filter((record) => record !== undefined).filter((record) => isSame(record));
}

function isSame(record: VmProcess): boolean {
  return isRunning(record) && executableOf(record.pid) === record.exe;
}

async function readRecord(path: string): Promise<VmProcess | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, started, exe } = value as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid) return undefined;
    return typeof started === 'string' && typeof exe === 'string' ? { pid, started, exe } : undefined;
  } catch {
    // Cut off by the owner's end, or by that of the VM.
    return undefined;
  }
}

function kill({ pid }: VmProcess): boolean {
  try {
    // What it started is in its group, when it leads one.
    process.kill(processState(pid)?.group === pid ? -pid : pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

async function areGone(processes: readonly ProcessIdentity[]): Promise<boolean> {
  for (const end = Date.now() + goneMs; processes.some(isRunning); await sleep(lookMs)) {
    if (Date.now() >= end) return false;
  }
  return true;
}
