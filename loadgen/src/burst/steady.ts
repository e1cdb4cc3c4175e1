/**
 * Begins something so many times a second, whatever becomes of what was begun before (open loop): a system that stalls is asked
 * as often as one that does not, so that its stalls are seen.
 */

export class Steady {
  readonly #periodMs: number;
  readonly #most: number;
  readonly #begin: (n: number, lateMs: number) => void;
  readonly #now: () => number;
  #from = 0;
  #begun = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `most` times in all. `begin` must not throw; it is told how long after its time it is called. */
  constructor(
    perSecond: number,
    most: number,
    begin: (n: number, lateMs: number) => void,
    now = () => performance.now(),
  ) {
    this.#most = most;
    this.#periodMs = 1000 / perSecond;
    this.#begin = begin;
    this.#now = now;
  }

  start(): void {
    this.#from = this.#now();
    this.#next();
  }

  /** Begins what is due, and nothing behind it. */
  finish(): void {
    this.#next();
    this.stop();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #next(): void {
    clearTimeout(this.#timer);
    while (this.#begun < this.#most) {
      const lateMs = this.#now() - (this.#from + this.#begun * this.#periodMs);
      if (lateMs < 0) {
        this.#timer = setTimeout(() => this.#next(), -lateMs);
        return;
      }
      this.#begin(this.#begun, lateMs);
      this.#begun += 1;
    }
  }
}
