/** A steady stream of hot invocations of a few actions; whatever meets a burst is counted apart. */

import type { ApiClient } from '../api/client.ts';
import { type MeasuredFunction, uniqueFunction } from '../functions.ts';
import { type Latencies, Samples } from '../samples.ts';
import { type Series, type StartKind, Tally } from '../tally.ts';
import { type Interference, interference } from './interference.ts';
import { Steady } from './steady.ts';
import type { Windows } from './windows.ts';

export interface BackgroundFigures extends Interference {
  readonly count: number;
  readonly errors: number;
  readonly starts: Readonly<Record<StartKind, number>>;
  readonly perSecond: number;
  /** How late this program was itself. */
  readonly lateMs: Latencies;
}

/** Hot actions; the invoker keeps a VM for each. */
export const backgroundActions = 4;
const kWarmUps = 25;

interface Action {
  readonly name: string;
  readonly measured: MeasuredFunction;
}

export class Background {
  readonly #client: ApiClient;
  readonly #actions: readonly Action[];
  readonly #perSecond: number;
  readonly #windows: Windows;
  readonly #inside = new Tally();
  readonly #outside = new Tally();
  readonly #late = new Samples();
  readonly #inFlight = new Set<Promise<void>>();
  #steady: Steady | undefined;

  constructor(client: ApiClient, prefix: string, perSecond: number, windows: Windows) {
    this.#client = client;
    this.#actions = Array.from({ length: backgroundActions }, (_, at) => ({
      name: `${prefix}-hot-${at}`,
      measured: uniqueFunction(),
    }));
    this.#perSecond = perSecond;
    this.#windows = windows;
  }

  /** Resolves when each action has a VM that is warmed up. */
  async setUp(create: (name: string, source: string) => Promise<void>): Promise<void> {
    for (const { name, measured } of this.#actions) {
      await create(name, measured.source);
      for (let n = 0; n < kWarmUps; n += 1) await this.#client.invoke(name, measured.argumentsOf(n));
    }
  }

  start(elapsedMs: () => number, durationMs: number): void {
    const most = Math.round((this.#perSecond * durationMs) / 1000);
    this.#steady = new Steady(this.#perSecond, most, (n, lateMs) => {
      this.#late.add(lateMs);
      const work = this.#invoke(n, elapsedMs);
      this.#inFlight.add(work);
      void work.finally(() => this.#inFlight.delete(work));
    });
    this.#steady.start();
  }

  /** At the end of the duration. */
  finish(): void {
    this.#steady?.finish();
  }

  stop(): void {
    this.#steady?.stop();
  }

  /** Resolves when every invocation has its answer. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  figures(): BackgroundFigures {
    const [inside, outside] = [this.#inside.totals(), this.#outside.totals()];
    const starts = {
      cold: inside.starts.cold + outside.starts.cold,
      warm: inside.starts.warm + outside.starts.warm,
      hot: inside.starts.hot + outside.starts.hot,
    };
    return {
      count: inside.count + outside.count,
      errors: inside.errors + outside.errors,
      starts,
      perSecond: this.#perSecond,
      lateMs: this.#late.latencies(),
      ...interference(inside, outside),
    };
  }

  get series(): readonly Series[] {
    return [this.#inside.series('background inside'), this.#outside.series('background outside')];
  }

  get errorTexts(): readonly string[] {
    return [...this.#inside.errorTexts, ...this.#outside.errorTexts].map((text) => `background: ${text}`);
  }

  async #invoke(n: number, elapsedMs: () => number): Promise<void> {
    const action = this.#actions[n % this.#actions.length];
    if (action === undefined) return;
    const { name, measured } = action;
    const from = elapsedMs();
    const tally = () => (this.#windows.met(from) ? this.#inside : this.#outside);
    try {
      const { response, start } = await this.#client.invoke(name, measured.argumentsOf(n));
      const to = elapsedMs();
      const wrong = measured.check(n, response.result);
      if (wrong !== undefined) throw new Error(wrong);
      tally().add(to / 1000, { ms: to - from, start });
    } catch (error) {
      tally().fail(error);
    }
  }
}
