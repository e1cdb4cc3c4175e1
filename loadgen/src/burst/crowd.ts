/** Functions never seen before, no two alike, invoked at once: one burst after the other. */

import type { ApiClient } from '../api/client.ts';
import { type MixedAction, unlikeActions } from '../mixed/catalogue.ts';
import { Tally, type Totals } from '../tally.ts';
import type { Windows } from './windows.ts';

/** One burst. */
export interface Burst extends Totals {
  /** From 1. */
  readonly number: number;
  /** Its begin, since the run began. */
  readonly seconds: number;
  /** Until its last answer. */
  readonly ms: number;
}

interface Named {
  readonly name: string;
  readonly action: MixedAction;
}

export class Crowd {
  readonly #client: ApiClient;
  readonly #windows: Windows;
  readonly #bursts: readonly (readonly Named[])[];
  readonly #done: Burst[] = [];
  /** Of all bursts. */
  readonly tally = new Tally();

  constructor(client: ApiClient, prefix: string, bursts: number, size: number, windows: Windows) {
    this.#client = client;
    this.#windows = windows;
    this.#bursts = Array.from({ length: bursts }, (_, number) =>
      unlikeActions(size, `${prefix}-${number}`).map((action, at) => ({ name: `${prefix}-${number}-${at}`, action })),
    );
  }

  get bursts(): number {
    return this.#bursts.length;
  }

  get actions(): readonly { readonly name: string; readonly source: string }[] {
    return this.#bursts.flat().map(({ name, action }) => ({ name, source: action.source }));
  }

  get done(): readonly Burst[] {
    return this.#done;
  }

  /** Resolves when the last one is answered; never rejects. */
  async burst(number: number, elapsedMs: () => number): Promise<Burst> {
    const own = new Tally();
    const from = elapsedMs();
    this.#windows.begin(from);
    await Promise.all((this.#bursts[number] ?? []).map((each) => this.#invoke(each, own, elapsedMs)));
    const to = elapsedMs();
    this.#windows.end(to);
    const burst = { number: number + 1, seconds: round(from / 1000), ms: round(to - from), ...own.totals() };
    this.#done.push(burst);
    return burst;
  }

  async #invoke({ name, action }: Named, own: Tally, elapsedMs: () => number): Promise<void> {
    const from = elapsedMs();
    try {
      const answer = await this.#client.activate(name, action.argumentsOf(0));
      const to = elapsedMs();
      const wrong = action.check(0, answer);
      if (wrong !== undefined) throw new Error(`${action.family}: ${wrong}`);
      for (const tally of [own, this.tally]) tally.add(to / 1000, { ms: to - from, start: answer.start });
    } catch (error) {
      for (const tally of [own, this.tally]) tally.fail(error);
    }
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
