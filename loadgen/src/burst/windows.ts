/** The times in which at least one burst is under way: from its begin to its last answer. */

export type Window = readonly [from: number, to: number];

export class Windows {
  readonly #closed: Window[] = [];
  #active = 0;
  #from = 0;

  begin(now: number): void {
    if (this.#active === 0) this.#from = now;
    this.#active += 1;
  }

  end(now: number): void {
    this.#active -= 1;
    if (this.#active === 0) this.#closed.push([this.#from, now]);
  }

  /** Whether something that began then and ends now met a window: the times asked for only grow. */
  met(since: number): boolean {
    return this.#active > 0 || (this.#closed.at(-1)?.[1] ?? -Infinity) >= since;
  }

  get closed(): readonly Window[] {
    return this.#closed;
  }
}
