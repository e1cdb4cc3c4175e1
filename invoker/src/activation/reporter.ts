/**
 * Tells the world about activations: acknowledgements to the controller that asked, records to the store.
 * Nothing here rejects: what cannot be delivered after a bounded number of tries is logged and counted.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { errorText, InvokerError } from '../errors.ts';
import {
  type Ack,
  type Activation,
  type ActivationMessage,
  ackActivationId,
  type InvokerInstance,
  serialiseAck,
  serialiseActivationRecord,
  shrinkAck,
  topics,
} from '../protocol/messages.ts';
import type { ActivationStore } from '../store/store.ts';

export interface ReporterOptions {
  readonly bus: Bus;
  readonly activations: ActivationStore;
  readonly instance: InvokerInstance;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pauses before the second, third, ... try. */
  readonly retryMs?: readonly number[];
  readonly onLost: (what: 'ack' | 'record') => void;
}

type Asked = Pick<ActivationMessage, 'transid' | 'rootControllerIndex' | 'blocking'>;

const kDefaultRetryMs = [20, 100, 500, 2_000];

export class Reporter {
  readonly #options: ReporterOptions;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** The result of a blocking activation whose slot is not free yet. */
  result(asked: Asked, activation: Activation): Promise<void> {
    return this.#ack(asked, { kind: 'result', transid: asked.transid, response: activation });
  }

  /** The slot is free. */
  completion(asked: Asked, activation: Activation): Promise<void> {
    return this.#ack(asked, {
      kind: 'completion',
      transid: asked.transid,
      activationId: activation.activationId,
      isSystemError: isSystemError(activation),
      instance: this.#options.instance,
    });
  }

  /** Result and free slot at once. Who did not wait for the result gets only the id. */
  combined(asked: Asked, activation: Activation): Promise<void> {
    return this.#ack(asked, {
      kind: 'combined',
      transid: asked.transid,
      response: asked.blocking ? activation : activation.activationId,
      isSystemError: isSystemError(activation),
      instance: this.#options.instance,
    });
  }

  /** For a message of which only this much could be read: a system error frees the slot. */
  unreadable(asked: Asked, activationId: string): Promise<void> {
    const { instance } = this.#options;
    return this.#ack(asked, {
      kind: 'combined',
      transid: asked.transid,
      response: activationId,
      isSystemError: true,
      instance,
    });
  }

  record(activation: Activation): Promise<void> {
    const { activations, clock } = this.#options;
    return this.#bounded('record', activation.activationId, () =>
      activations.putActivation(serialiseActivationRecord(activation, clock.now())),
    );
  }

  #ack(asked: Asked, ack: Ack): Promise<void> {
    const { bus } = this.#options;
    const topic = topics.completed(asked.rootControllerIndex.asString);
    let text = serialiseAck(ack);
    return this.#bounded('ack', ackActivationId(ack), async () => {
      try {
        await bus.send(topic, text);
      } catch (error) {
        if (!(error instanceof InvokerError) || error.code !== 'BUS_MESSAGE_TOO_LARGE') throw error;
        text = serialiseAck(shrinkAck(ack));
        await bus.send(topic, text);
      }
    });
  }

  async #bounded(what: 'ack' | 'record', activationId: string, attempt: () => Promise<void>): Promise<void> {
    const { retryMs = kDefaultRetryMs, log, onLost } = this.#options;
    for (let tries = 0; ; tries += 1) {
      try {
        await attempt();
        return;
      } catch (error) {
        const pause = retryMs[tries];
        if (pause === undefined) {
          log.error({ activationId, err: errorText(error) }, `${what} lost after ${tries + 1} tries`);
          onLost(what);
          return;
        }
        log.warn({ activationId, err: errorText(error) }, `${what} not delivered, trying again`);
        await sleep(pause);
      }
    }
  }
}

function isSystemError(activation: Activation): boolean {
  return activation.response.statusCode === 3;
}
