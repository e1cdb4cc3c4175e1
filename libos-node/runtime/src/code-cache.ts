/**
 * V8's code cache of an action's source text: what was compiled, lazily compiled functions included, so that another process need not
 * compile it again. Made after the action has run, when most of what it needs is compiled; given before /init.
 *
 * Invariant: it is used for the very same source, version and flags only; else V8 compiles, and nothing else changes. V8 itself compares
 * no more of the source than its length, so a digest of it stands in front. Whoever gives it answers for its origin: it is
 * machine-made data that nobody verifies. Left out: archives and ES modules.
 */
import { createHash } from 'node:crypto';
import type { Script } from 'node:vm';

let given: Buffer | undefined;
let last: { readonly script: Script; readonly source: string } | undefined;

const digestBytes = 32;

/** Characters that are encoded at a time: the whole text at once would be another copy of it, in fresh pages. */
const step = 16_384;

function digestOf(source: string): Buffer {
  const hash = createHash('sha256');
  for (let from = 0, to = 0; from < source.length; from = to) {
    to = from + step;
    // Halves of a character would be encoded as the same replacement, whatever they are.
    if ((source.charCodeAt(to - 1) & 0xfc00) === 0xd800) to += 1;
    hash.update(source.slice(from, to));
  }
  return hash.digest();
}

/** For the next script, if it is of that source. */
export function giveCodeCache(bytes: Buffer): void {
  given = bytes;
}

export function takeCodeCache(source: string): Buffer | undefined {
  const bytes = given;
  given = undefined;
  if (bytes === undefined || !digestOf(source).equals(bytes.subarray(0, digestBytes))) return undefined;
  return bytes.subarray(digestBytes);
}

/** The action's, to make the cache of later. */
export function keepScript(script: Script, source: string): void {
  last = { script, source };
}

/** As if there had been none. */
export function forgetScript(): void {
  last = undefined;
}

/** Undefined when the action is none of source text. */
export function makeCodeCache(): Buffer | undefined {
  return last && Buffer.concat([digestOf(last.source), last.script.createCachedData()]);
}
