/**
 * Random changes to bytes that were right: what the TypeScript parsers are tried with, under vitest, from a seed. Each case
 * is a pure function of seed and number, so a failure names both and can be repeated.
 */

/** A linear congruential generator, its upper bits: even enough here, and the same everywhere. */
export class SeededRandom {
  #state: bigint;

  constructor(seed: number) {
    this.#state = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n;
  }

  /** 0 to limit - 1. */
  below(limit: number): number {
    this.#state = (this.#state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number((this.#state >> 33n) % BigInt(limit));
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }
}

const edges = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  1n << 53n,
  (1n << 64n) - 1n,
] as const;

/** A copy with one to four changes. `where`: the offset of the next one (default: anywhere). */
export function mutate(
  original: Buffer,
  random: SeededRandom,
  where: (size: number) => number = (size) => random.below(size),
): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random.below(4); changes > 0 && bytes.length > 0; changes -= 1) {
    const at = Math.min(where(bytes.length), bytes.length - 1);
    switch (random.below(10)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
      case 2:
        bytes[at] = random.below(256);
        break;
      case 3:
      case 4:
      case 5: {
        const size = random.pick([2, 4, 8]);
        if (at + size > bytes.length) break;
        const value = random.pick(edges) & ((1n << BigInt(size * 8)) - 1n);
        for (let index = 0; index < size; index += 1) bytes[at + index] = Number((value >> BigInt(index * 8)) & 0xffn);
        break;
      }
      case 6:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(16))]);
        break;
      case 7: {
        const from = random.below(bytes.length);
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          bytes.subarray(from, from + random.below(64)),
          bytes.subarray(at),
        ]);
        break;
      }
      case 8: {
        const from = random.below(bytes.length);
        bytes.copy(bytes, at, from, from + random.below(32));
        break;
      }
      default:
        if (random.below(4) === 0) bytes = Buffer.from(bytes.subarray(0, at));
    }
  }
  return bytes;
}

/** How many cases: `few` by default, a hundred times as many under EBBWHISK_TEST_ALL. */
export function caseCount(few: number): number {
  return process.env['EBBWHISK_TEST_ALL'] === '1' ? few * 100 : few;
}
