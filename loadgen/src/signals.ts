/**
 * SIGINT and SIGTERM abort the measurement, so that VMs and child processes are ended on the way out; whoever cannot wait for that says it again.
 */

import { constants } from 'node:os';

export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // What is to be ended with this process is ended when it exits.
      if (controller.signal.aborted) process.exit(128 + constants.signals[signal]);
      controller.abort(new Error(`ended by ${signal}`));
    });
  }
  return controller.signal;
}
