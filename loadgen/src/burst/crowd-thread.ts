/**
 * The bursts in a thread of their own: sending a hundred requests keeps an event loop from everything else for 10 ms, and that must not
 * be measured as something that happened to the background.
 */

import { Worker } from 'node:worker_threads';
import type { Burst, CrowdFigures } from './crowd.ts';

export interface CrowdSettings {
  readonly url: string;
  readonly auth: string;
  readonly prefix: string;
  /** Functions of one burst. */
  readonly size: number;
}

export type CrowdRequest =
  /** `began`: when the run did, milliseconds since the epoch, fractional. */
  { readonly what: 'burst'; readonly number: number; readonly began: number } | { readonly what: 'figures' };

export type CrowdReply =
  | { readonly what: 'burst'; readonly burst: Burst }
  | { readonly what: 'figures'; readonly figures: CrowdFigures };

export class CrowdThread {
  readonly #worker: Worker;
  /** Rejects when the thread ends. */
  readonly #ended: Promise<never>;

  constructor(settings: CrowdSettings) {
    this.#worker = new Worker(new URL('crowd-worker.ts', import.meta.url), { workerData: settings });
    this.#ended = new Promise((_, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => reject(new Error('the thread of the bursts ended')));
    });
    this.#ended.catch(() => {});
  }

  /** The burst of this number, from 0. Bursts may overlap. */
  async burst(number: number, began: number): Promise<Burst> {
    this.#ask({ what: 'burst', number, began });
    const reply = await this.#reply((each) => each.what === 'burst' && each.burst.number === number + 1);
    if (reply.what !== 'burst') throw new Error('another reply');
    return reply.burst;
  }

  /** Of all that have ended. */
  async figures(): Promise<CrowdFigures> {
    this.#ask({ what: 'figures' });
    const reply = await this.#reply(({ what }) => what === 'figures');
    if (reply.what !== 'figures') throw new Error('another reply');
    return reply.figures;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: CrowdRequest): void {
    this.#worker.postMessage(request);
  }

  async #reply(isIt: (reply: CrowdReply) => boolean): Promise<CrowdReply> {
    const { promise, resolve } = Promise.withResolvers<CrowdReply>();
    const listener = (reply: CrowdReply) => {
      if (isIt(reply)) resolve(reply);
    };
    this.#worker.on('message', listener);
    try {
      return await Promise.race([promise, this.#ended]);
    } finally {
      this.#worker.off('message', listener);
    }
  }
}
