/** A process by pid and start time: a pid is used again, the pair is not within one boot. Linux only. */
import { readFileSync, readlinkSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, decimal. */
  readonly started: string;
}

export interface ProcessState extends ProcessIdentity {
  /** `Z`: it has ended, but nobody has waited for it. */
  readonly state: string;
  readonly group: number;
}

/** Undefined when there is no such process. */
export function processState(pid: number): ProcessState | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character, so the rest begins behind the last of them.
  const [state = '', , group = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, started: rest[16] ?? '', state, group: Number(group) };
}

/** The process as it was known still runs. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  const now = processState(pid);
  return now !== undefined && now.started === started && now.state !== 'Z' && now.state !== 'X';
}

/** Path of the program that it runs, also when the file was replaced meanwhile; undefined when that cannot be seen. */
export function executableOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch {
    return undefined;
  }
}
