/** Functions never seen before, no two alike, invoked at once: one burst after the other. */

import type { ApiClient } from '../api/client.ts';
import { type MixedAction, unlikeActions } from '../mixed/catalogue.ts';
import { type Series, Tally, type Totals } from '../tally.ts';

/** One burst. */
export interface Burst extends Totals {
  /** From 1. */
  readonly number: number;
  /** Its begin, since the run began. */
  readonly seconds: number;
  /** Until its last answer. */
  readonly ms: number;
}

/** All bursts together. */
export interface CrowdFigures {
  readonly series: Series;
  readonly errorTexts: readonly string[];
}

export interface NamedAction {
  readonly name: string;
  readonly action: MixedAction;
}

/** Of one burst: the same whoever asks. */
export function actionsOf(prefix: string, number: number, size: number): NamedAction[] {
  return unlikeActions(size, `${prefix}-${number}`).map((action, at) => ({
    name: `${prefix}-${number}-${at}`,
    action,
  }));
}

export class Crowd {
  readonly #client: ApiClient;
  readonly #prefix: string;
  readonly #size: number;
  readonly #all = new Tally();

  constructor(client: ApiClient, prefix: string, size: number) {
    this.#client = client;
    this.#prefix = prefix;
    this.#size = size;
  }

  /** Resolves when the last one is answered; never rejects. */
  async burst(number: number, elapsedMs: () => number): Promise<Burst> {
    const own = new Tally();
    const actions = actionsOf(this.#prefix, number, this.#size);
    const from = elapsedMs();
    await Promise.all(actions.map((each) => this.#invoke(each, own, elapsedMs)));
    return { number: number + 1, seconds: round(from / 1000), ms: round(elapsedMs() - from), ...own.totals() };
  }

  figures(): CrowdFigures {
    return { series: this.#all.series('burst'), errorTexts: this.#all.errorTexts };
  }

  async #invoke({ name, action }: NamedAction, own: Tally, elapsedMs: () => number): Promise<void> {
    const from = elapsedMs();
    try {
      const answer = await this.#client.activate(name, action.argumentsOf(0));
      const to = elapsedMs();
      const wrong = action.check(0, answer);
      if (wrong !== undefined) throw new Error(`${action.family}: ${wrong}`);
      for (const tally of [own, this.#all]) tally.add(to / 1000, { ms: to - from, start: answer.start });
    } catch (error) {
      for (const tally of [own, this.#all]) tally.fail(error);
    }
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
