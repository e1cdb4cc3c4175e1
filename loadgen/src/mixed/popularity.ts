/** Zipf's law: the k-th most popular of `count` things is chosen with a weight of 1 / k^exponent. */

export class Popularity {
  readonly #cumulative: number[] = [];
  readonly #random: () => number;

  /** `random` yields numbers of [0, 1). */
  constructor(count: number, exponent: number, random: () => number) {
    this.#random = random;
    let sum = 0;
    for (let rank = 1; rank <= count; rank += 1) {
      sum += rank ** -exponent;
      this.#cumulative.push(sum);
    }
  }

  /** An index of [0, count), 0 the most popular. */
  next(): number {
    const at = this.#random() * (this.#cumulative.at(-1) ?? 0);
    let [low, high] = [0, this.#cumulative.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cumulative[middle] ?? 0) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
