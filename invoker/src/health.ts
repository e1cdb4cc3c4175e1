/** Pings the controllers every second, so that they know the invoker is there; the last ping says that it is not. */

import type { Logger } from 'pino';
import type { Bus } from './bus/bus.ts';
import { errorText } from './errors.ts';
import { type InvokerInstance, serialisePingMessage, topics } from './protocol/messages.ts';

export interface HealthPings {
  /** Stops, and tells the controllers to send no more. */
  stop(): Promise<void>;
}

export function startHealthPings(bus: Bus, name: InvokerInstance, log: Logger, intervalMs = 1_000): HealthPings {
  let pending: Promise<void> | undefined;

  async function ping(isEnabled: boolean): Promise<void> {
    try {
      await bus.send(topics.health, serialisePingMessage({ name, isEnabled }));
    } catch (error) {
      log.error({ err: errorText(error) }, 'health ping not sent');
    }
  }

  function tick(): void {
    // A bus that hangs gets one ping at a time, not a pile of them.
    pending ??= ping(true).finally(() => {
      pending = undefined;
    });
  }

  tick();
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await pending;
      await ping(false);
    },
  };
}
