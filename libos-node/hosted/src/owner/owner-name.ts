/**
 * The name of what belongs to one host process: `<pid>-<start>-<boot>-<place>`, the first two in base 36.
 *
 * Invariant: from the name alone a process of the same user can tell that the owner is dead. `place` is the pid namespace and the
 * host: a process of another one cannot be looked up here, so it counts as running.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isRunning, processState } from './process-identity.ts';

/** Where and when a pid means something. */
interface Context {
  readonly boot: string;
  readonly place: string;
}

let context: Context | undefined;

function here(): Context {
  context ??= {
    boot: short(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    place: short(`${readlinkSync('/proc/self/ns/pid')} ${hostname()}`),
  };
  return context;
}

function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Of this process. */
export function ownerName(): string {
  const { boot, place } = here();
  const started = processState(process.pid)?.started ?? '0';
  return [process.pid.toString(36), BigInt(started).toString(36), boot, place].join('-');
}

/** The longest that ownerName can give: pids end at 2^22, and 2^36 ticks are 21 years. */
export const maxOwnerName = 5 + 1 + 7 + 1 + 8 + 1 + 8;

const pattern = /^([0-9a-z]{1,7})-([0-9a-z]{1,12})-([0-9a-f]{8})-([0-9a-f]{8})(?:-\d+)?$/;

/** Whether `name` (with or without a number behind it) is one whose owner has ended. False for names of another form. */
export function isOrphaned(name: string): boolean {
  const [, pid, started, boot, place] = pattern.exec(name) ?? [];
  if (pid === undefined || started === undefined || place !== here().place) return false;
  if (boot !== here().boot) return true;
  return !isRunning({ pid: Number.parseInt(pid, 36), started: fromBase36(started).toString() });
}

/** Of this boot: only then its pids mean something. */
export function isOfThisBoot(name: string): boolean {
  return pattern.exec(name)?.[3] === here().boot;
}

function fromBase36(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value;
}
