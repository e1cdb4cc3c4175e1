/**
 * Invocation: an action and its arguments become an ActivationMessage for an invoker, acks on `completed<id>` come back,
 * a blocking caller waits for the result.
 *
 * Invariants: an activation id is handed out only for a message that the bus took; a wait ends by ack, by the record in
 * the store, by its time or by shutdown, whichever is first. Left out: sequences, compositions, retries.
 */

import { randomUUID } from 'node:crypto';
import type { Bus, Consumer } from '@ebbwhisk/invoker/bus/bus.ts';
import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import { parseJson } from '@ebbwhisk/invoker/protocol/json.ts';
import {
  type ActivationMessage,
  ackActivationId,
  controllerInstance,
  parseAck,
  serialiseActivationMessage,
  type Transid,
  topics,
} from '@ebbwhisk/invoker/protocol/messages.ts';
import type { Logger } from 'pino';
import type { User } from '../auth/users.ts';
import { isJsonObject, type JsonObject } from '../entity/json.ts';
import { apiError } from '../errors.ts';
import type { ActivationReader, StoredAction } from '../store/store.ts';
import { type Balancer, hashBalancer } from './balancer.ts';
import { InvokerHealth } from './health.ts';
import { InFlight, type Result } from './in-flight.ts';

export interface ActivatorOptions {
  readonly bus: Bus;
  readonly activations: ActivationReader;
  readonly log: Logger;
  /** Names this controller among others on the bus. */
  readonly controllerId?: string;
  readonly balancer?: Balancer;
  readonly now?: () => number;
  /** 32 lower-case hex characters, unique. */
  readonly newActivationId?: () => string;
}

export interface Invocation {
  readonly user: User;
  readonly action: StoredAction;
  readonly payload: JsonObject;
  readonly transid: Transid;
  /** How long to wait for the result; undefined: not at all. */
  readonly waitMs: number | undefined;
  /** Ends the wait early (the client has gone). */
  readonly signal?: AbortSignal;
}

export interface Outcome {
  readonly activationId: string;
  /** The record without logs; undefined when it is not there (yet). */
  readonly activation?: JsonObject;
}

/** Pauses between looks into the store after an ack that carried only the id. */
const kFastPollMs = [0, 25, 50, 100, 200, 400, 800] as const;
/** Between looks when no ack comes at all. */
const kSlowPollMs = 15_000;
const kSweepMs = 10_000;
/** How long a GET waits for the record of an activation that was acknowledged but is not stored yet. */
const kRecordGraceMs = 2_000;
const kMaxRecent = 10_000;

export class Activator {
  readonly health: InvokerHealth;
  readonly inFlight: InFlight;
  readonly #options: Required<ActivatorOptions>;
  readonly #consumers: Consumer[] = [];
  readonly #stopping = new AbortController();
  /** Acknowledged of late: id to the time of the ack; their records may still be on the way to the store. */
  readonly #recent = new Map<string, number>();
  readonly #waits = new Set<() => void>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: ActivatorOptions) {
    this.#options = {
      controllerId: '0',
      balancer: hashBalancer,
      now: Date.now,
      newActivationId: () => randomUUID().replaceAll('-', ''),
      ...options,
    };
    this.health = new InvokerHealth(this.#options.now, options.log);
    this.inFlight = new InFlight(this.#options.now);
  }

  async start(): Promise<void> {
    const { bus, controllerId, log } = this.#options;
    const topic = topics.completed(controllerId);
    await bus.ensureTopic(topic);
    this.#consumers.push(
      await bus.consume(topic, topic, { maxInFlight: 128 }, async (message) => this.#acknowledge(message)),
      await this.health.follow(bus, controllerId),
    );
    this.#sweeper = setInterval(() => {
      const overdue = this.inFlight.sweep();
      if (overdue.length > 0) log.warn({ activations: overdue }, 'activations completed by force: no ack came');
    }, kSweepMs);
    this.#sweeper.unref();
  }

  /** Waits up to `drainMs` for what is in flight; waits that are still open then end without a result. */
  async close(drainMs: number): Promise<void> {
    const drained = await this.inFlight.drained(drainMs);
    if (!drained) this.#options.log.warn({ inFlight: this.inFlight.size }, 'activations are left in flight');
    this.#stopping.abort();
    for (const stop of this.#waits) stop();
    clearInterval(this.#sweeper);
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
  }

  async invoke(invocation: Invocation): Promise<Outcome> {
    const { bus, balancer, newActivationId, log } = this.#options;
    const { user, action, waitMs } = invocation;
    const instance = balancer.choose(user.namespace, action.id, this.health.healthy());
    if (instance === undefined) {
      log.error({ action: action.id }, 'no invoker has reported itself');
      throw apiError('NO_INVOKER');
    }
    const activationId = newActivationId();
    const message = serialiseActivationMessage(this.#message(invocation, activationId));
    const result = waitMs === undefined ? undefined : Promise.withResolvers<Result>();
    this.inFlight.add(activationId, user.namespace, action.document.limits.timeout, result?.resolve);
    try {
      await bus.send(topics.invoker(instance), message);
    } catch (error) {
      this.inFlight.complete(activationId);
      if (codeOf(error) === 'BUS_MESSAGE_TOO_LARGE') throw apiError('MESSAGE_TOO_LARGE');
      log.error({ err: error, action: action.id }, 'the bus refused an activation');
      throw apiError('NO_INVOKER');
    }
    if (result === undefined || waitMs === undefined) return { activationId };
    const activation = await this.#wait(user.namespace, activationId, result.promise, waitMs, invocation.signal);
    return activation === undefined ? { activationId } : { activationId, activation };
  }

  #message({ user, action, payload, transid, waitMs }: Invocation, activationId: string): ActivationMessage {
    const { namespace, name, version, parameters } = action.document;
    const locked = parameters.flatMap(({ key, encryption }) =>
      encryption === undefined || Object.hasOwn(payload, key) ? [] : [[key, encryption] as const],
    );
    return {
      transid,
      action: { path: namespace, name, version },
      revision: action.revision,
      user: user.identity,
      activationId,
      rootControllerIndex: controllerInstance(this.#options.controllerId),
      blocking: waitMs !== undefined,
      // Spread and fromEntries define own fields: a key `__proto__` stays a key.
      content: { ...Object.fromEntries(parameters.map(({ key, value }) => [key, value])), ...payload },
      initArgs: parameters.filter(({ init }) => init === true).map(({ key }) => key),
      lockedArgs: Object.fromEntries(locked),
    };
  }

  #acknowledge(message: string): void {
    const { log } = this.#options;
    try {
      const ack = parseAck(message);
      const activationId = ackActivationId(ack);
      let known = false;
      if (ack.kind !== 'completion') {
        known = this.inFlight.result(activationId, typeof ack.response === 'string' ? 'stored' : ack.response);
      }
      if (ack.kind !== 'result') known = this.inFlight.complete(activationId) || known;
      if (known) this.#remember(activationId);
      else log.debug({ activationId }, 'an ack for an activation that is not in flight');
    } catch (error) {
      log.warn({ err: error }, 'an ack cannot be read');
    }
  }

  #remember(activationId: string): void {
    this.#recent.delete(activationId);
    this.#recent.set(activationId, this.#options.now());
    if (this.#recent.size <= kMaxRecent) return;
    const [oldest] = this.#recent.keys();
    if (oldest !== undefined) this.#recent.delete(oldest);
  }

  async #wait(
    namespace: string,
    activationId: string,
    result: Promise<Result>,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<JsonObject | undefined> {
    const end = new AbortController();
    const stop = () => end.abort();
    const timer = setTimeout(stop, waitMs);
    // Not AbortSignal.any: its sources would keep book of every wait there ever was.
    this.#waits.add(stop);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true || this.#stopping.signal.aborted) stop();
    const ended = pause(undefined, end.signal).then(() => undefined);
    const acked = result.then((value) =>
      value === 'stored'
        ? this.#poll(namespace, activationId, kFastPollMs, end.signal)
        : (value as unknown as JsonObject),
    );
    try {
      return await Promise.race([acked, ended, this.#poll(namespace, activationId, [], end.signal)]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      this.#waits.delete(stop);
      stop();
    }
  }

  /** Looks after each pause, then every kSlowPollMs, until the record is there; undefined once `over`. */
  async #poll(
    namespace: string,
    activationId: string,
    pauses: readonly number[],
    over: AbortSignal,
  ): Promise<JsonObject | undefined> {
    for (let turn = 0; !over.aborted; turn += 1) {
      await pause(pauses[turn] ?? kSlowPollMs, over);
      if (over.aborted) return undefined;
      const record = await this.#options.activations.readActivation(namespace, activationId);
      if (record !== undefined) return { ...parseRecord(record), logs: [] };
    }
    return undefined;
  }

  /**
   * The stored record. When the activation was acknowledged a moment ago, its record (which has the logs) may still be
   * on its way: waits for it shortly, so that a GET right after a blocking answer finds it. Else 404 is the answer.
   */
  async record(namespace: string, activationId: string): Promise<JsonObject | undefined> {
    const { activations, now } = this.#options;
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
      const record = await activations.readActivation(namespace, activationId);
      if (record !== undefined) return parseRecord(record);
      const acked = this.#recent.get(activationId);
      if (acked === undefined || now() - acked > kRecordGraceMs) return undefined;
      await pause(pauseMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return undefined;
    }
  }
}

function parseRecord(text: string): JsonObject {
  const record: Json = parseJson(text);
  if (!isJsonObject(record)) throw new TypeError('a stored activation is not an object');
  return record;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** Resolves after `ms` (undefined: never by itself) or when `signal` aborts. */
function pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = ms === undefined ? undefined : setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
