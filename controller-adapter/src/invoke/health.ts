/**
 * Which invokers can be used: those whose last ping on `health` is recent and says enabled. Left out: test activations
 * and the judging of invokers by their results (a stock controller does both).
 */

import type { Bus, Consumer } from '@ebbwhisk/invoker/bus/bus.ts';
import { parsePingMessage, topics } from '@ebbwhisk/invoker/protocol/messages.ts';
import type { Logger } from 'pino';

/** Without a ping for this long an invoker counts as gone; they ping every second. */
export const kPingTimeoutMs = 10_000;

interface Seen {
  at: number;
  enabled: boolean;
}

export class InvokerHealth {
  readonly #seen = new Map<number, Seen>();
  readonly #waiting = new Set<() => void>();
  readonly #now: () => number;
  readonly #log: Logger;

  constructor(now: () => number, log: Logger) {
    this.#now = now;
    this.#log = log;
  }

  /** Follows the topic with a group of this controller's own: every controller sees every ping. */
  async follow(bus: Bus, controllerId: string): Promise<Consumer> {
    await bus.ensureTopic(topics.health);
    return bus.consume(topics.health, `health${controllerId}`, { maxInFlight: 128 }, async (message) => {
      try {
        const ping = parsePingMessage(message);
        this.#note(ping.name.instance, ping.isEnabled ?? true);
      } catch (error) {
        this.#log.warn({ err: error }, 'a ping cannot be read');
      }
    });
  }

  #note(instance: number, enabled: boolean): void {
    const seen = this.#seen.get(instance);
    if (seen === undefined || seen.enabled !== enabled) this.#log.info({ invoker: instance, enabled }, 'invoker seen');
    this.#seen.set(instance, { at: this.#now(), enabled });
    if (enabled) for (const wake of this.#waiting) wake();
  }

  /** Instances that can be used, ascending. */
  healthy(): number[] {
    const oldest = this.#now() - kPingTimeoutMs;
    return [...this.#seen]
      .filter(([, { at, enabled }]) => enabled && at > oldest)
      .map(([instance]) => instance)
      .sort((a, b) => a - b);
  }

  /** Resolves with whether an invoker can be used, at once or within `timeoutMs`. */
  async waitHealthy(timeoutMs: number): Promise<boolean> {
    if (this.healthy().length > 0) return true;
    return new Promise((resolve) => {
      const wake = () => finish(true);
      const timer = setTimeout(() => finish(false), timeoutMs);
      const finish = (healthy: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(healthy);
      };
      this.#waiting.add(wake);
    });
  }
}
