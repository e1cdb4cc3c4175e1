/**
 * A bus inside one process, for the local stack and for tests: the same topics, texts, order, groups and size limit
 * as Kafka, without a broker.
 *
 * Invariants: every group of a topic sees every message in the order sent; a message sent before the first consumer
 * of a topic is kept (bounded) and goes to the first group; a message counts as consumed before its handler runs, and
 * a handler that throws loses only that message. Left out: persistence, rebalancing (one consumer per group).
 */

import { BusError } from '../errors.ts';
import type { Bus, Consumer } from './bus.ts';

export interface EmbeddedBusOptions {
  /** Largest message in bytes of UTF-8 (OpenWhisk: payload limit plus overhead). */
  readonly maxMessageBytes?: number;
  /** Messages kept per topic and group while nobody takes them; further ones are refused. */
  readonly maxBacklog?: number;
  /** Told of handlers that throw; a handler should deal with its own failures. */
  readonly onHandlerError?: (error: unknown, topic: string) => void;
}

const kDefaultMaxMessageBytes = 1_054_644;
const kDefaultMaxBacklog = 100_000;

interface Group {
  readonly queue: Queue;
  handler: ((message: string) => Promise<void>) | undefined;
  maxInFlight: number;
  inFlight: number;
  /** Resolves close(): set while a closing consumer waits for its handlers. */
  onIdle: (() => void) | undefined;
}

interface Topic {
  readonly groups: Map<string, Group>;
  /** What came before any group existed. */
  readonly early: Queue;
}

export function createEmbeddedBus(options: EmbeddedBusOptions = {}): Bus {
  const maxMessageBytes = options.maxMessageBytes ?? kDefaultMaxMessageBytes;
  const maxBacklog = options.maxBacklog ?? kDefaultMaxBacklog;
  const topics = new Map<string, Topic>();
  let closed = false;

  function topicOf(name: string): Topic {
    let topic = topics.get(name);
    if (topic === undefined) {
      topic = { groups: new Map(), early: new Queue() };
      topics.set(name, topic);
    }
    return topic;
  }

  function pump(topic: string, group: Group): void {
    while (group.handler !== undefined && group.inFlight < group.maxInFlight) {
      const message = group.queue.shift();
      if (message === undefined) return;
      group.inFlight += 1;
      // A microtask apart from send(): the sender never runs the receiver's code on its own stack.
      const handler = group.handler;
      void Promise.resolve()
        .then(() => handler(message))
        .catch((error: unknown) => options.onHandlerError?.(error, topic))
        .then(() => {
          group.inFlight -= 1;
          if (group.inFlight === 0) group.onIdle?.();
          pump(topic, group);
        });
    }
  }

  return {
    ensureTopic(topic) {
      if (closed) return Promise.reject(new BusError('BUS_UNAVAILABLE'));
      topicOf(topic);
      return Promise.resolve();
    },

    send(topicName, message) {
      if (closed) return Promise.reject(new BusError('BUS_UNAVAILABLE'));
      // UTF-8 is at most three bytes per UTF-16 unit: the exact count is only worth its time near the limit.
      if (message.length * 3 > maxMessageBytes && Buffer.byteLength(message) > maxMessageBytes) {
        return Promise.reject(
          new BusError('BUS_MESSAGE_TOO_LARGE', `${Buffer.byteLength(message)} > ${maxMessageBytes}`),
        );
      }
      const topic = topicOf(topicName);
      const queues = topic.groups.size === 0 ? [topic.early] : [...topic.groups.values()].map((group) => group.queue);
      if (queues.some((queue) => queue.length >= maxBacklog)) {
        return Promise.reject(new BusError('BUS_UNAVAILABLE', `The backlog of ${topicName} is full.`));
      }
      for (const queue of queues) queue.push(message);
      for (const group of topic.groups.values()) pump(topicName, group);
      return Promise.resolve();
    },

    consume(topicName, groupName, { maxInFlight }, handler): Promise<Consumer> {
      if (closed) return Promise.reject(new BusError('BUS_UNAVAILABLE'));
      const topic = topicOf(topicName);
      let group = topic.groups.get(groupName);
      if (group?.handler !== undefined) {
        return Promise.reject(new BusError('BUS_UNAVAILABLE', `Group ${groupName} already has a consumer.`));
      }
      if (group === undefined) {
        group = { queue: new Queue(), handler: undefined, maxInFlight, inFlight: 0, onIdle: undefined };
        for (let early = topic.early.shift(); early !== undefined; early = topic.early.shift()) group.queue.push(early);
        topic.groups.set(groupName, group);
      }
      const mine = group;
      mine.handler = handler;
      mine.maxInFlight = maxInFlight;
      pump(topicName, mine);
      return Promise.resolve({
        close() {
          // The group stays: what is sent later waits for its next consumer, as on Kafka.
          if (mine.handler === handler) mine.handler = undefined;
          if (mine.inFlight === 0) return Promise.resolve();
          return new Promise<void>((resolve) => {
            const before = mine.onIdle;
            mine.onIdle = () => {
              mine.onIdle = undefined;
              before?.();
              resolve();
            };
          });
        },
      });
    },

    close() {
      closed = true;
      for (const topic of topics.values()) for (const group of topic.groups.values()) group.handler = undefined;
      topics.clear();
      return Promise.resolve();
    },
  };
}

/** FIFO with amortised constant shift: Array.shift moves every element of a long backlog. */
class Queue {
  #items: string[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: string): void {
    this.#items.push(item);
  }

  shift(): string | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = '';
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
