/**
 * The random bytes that Node draws ahead for randomUUID() and randomInt(): in a clone of a process that has used them, the same bytes as
 * in its siblings. Using them up is the only way to be rid of them, and costs a millisecond; most programs never draw any.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** How many draws empty them. */
const uuids = 128;
const integers = 1024;

/** Calls `seen` before the method, which stays what it was in every other respect. */
function watch(target: object, name: string, seen: () => void): void {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  const original = descriptor?.value as ((...args: unknown[]) => unknown) | undefined;
  if (descriptor === undefined || original === undefined) return;
  const watched = function (this: unknown, ...args: unknown[]): unknown {
    seen();
    return Reflect.apply(original, this, args);
  };
  for (const own of ['name', 'length'] as const) {
    Object.defineProperty(watched, own, { value: original[own], configurable: true });
  }
  Object.defineProperty(target, name, { ...descriptor, value: watched });
}

/** Before any action's code can get hold of the functions. @returns what empties the caches that were used */
export function watchEntropyCaches(): () => void {
  const crypto = require('node:crypto') as typeof import('node:crypto');
  let hasUuids = false;
  let hasIntegers = false;
  const sawUuid = () => {
    hasUuids = true;
  };
  watch(crypto, 'randomUUID', sawUuid);
  watch(Object.getPrototypeOf(globalThis.crypto) as object, 'randomUUID', sawUuid);
  watch(crypto, 'randomInt', () => {
    hasIntegers = true;
  });
  syncBuiltinESMExports();
  return () => {
    // What this leaves in them is this process's own; it counts as drawn for clones of it in their turn.
    for (let n = 0; hasUuids && n < uuids; n++) randomUUID();
    for (let n = 0; hasIntegers && n < integers; n++) randomInt(2 ** 40);
  };
}
