/** The invoker as other packages use it. */

export type { Bus, Consumer } from './bus/bus.ts';
export { createEmbeddedBus } from './bus/embedded.ts';
export { type Clock, systemClock } from './clock.ts';
export { type LogLine, RecentLogs } from './container/recent-logs.ts';
export { BusError, InvokerError, type InvokerErrorCode, invokerErrorCodes } from './errors.ts';
export { type Invoker, type InvokerOptions, type InvokerStatus, startInvoker } from './invoker.ts';
export type { ManagedVm, PoolStatus } from './pool.ts';
export type { ActionStore, ActivationStore } from './store/store.ts';
