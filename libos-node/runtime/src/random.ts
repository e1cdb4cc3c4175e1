/**
 * Math.random() for processes that become templates. V8 seeds its own once for each context, and no running program can make it do so
 * again: all clones of a function's snapshot would draw the same numbers. This one can be seeded anew, and is put in place before any
 * action's code can get hold of the other.
 *
 * The generator is xoshiro128++ (Blackman and Vigna, 2019), 53 bits a number from two steps, drawn ahead as V8 does. No more than
 * V8's is it one for secrets. Left out: workers and contexts of node:vm, which have V8's.
 */
import { randomFillSync } from 'node:crypto';

const ahead = 64;

export interface ReseedableRandom {
  readonly random: () => number;
  /** What was drawn ahead is forgotten. */
  reseed(): void;
}

export function createRandom(): ReseedableRandom {
  const numbers = new Float64Array(ahead);
  const seed = new Int32Array(4);
  let left = 0;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;

  function reseed(): void {
    do {
      randomFillSync(seed);
      [a = 0, b = 0, c = 0, d = 0] = seed;
    } while ((a | b | c | d) === 0);
    left = 0;
  }

  function step(): number {
    const sum = (a + d) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + a) | 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  }

  function random(): number {
    if (left === 0) {
      for (; left < ahead; left++) numbers[left] = ((step() >>> 5) * 0x4000000 + (step() >>> 6)) / 2 ** 53;
    }
    left -= 1;
    return numbers[left] as number;
  }

  reseed();
  return { random, reseed };
}

/** @returns what seeds it anew */
export function installRandom(): () => void {
  const { random, reseed } = createRandom();
  Object.defineProperty(Math, 'random', { value: random, writable: true, enumerable: false, configurable: true });
  return reseed;
}
