/**
 * Starts an invoker: it takes ActivationMessages of its topic, runs their actions in VMs and answers with acks and
 * records. This file only puts the parts together; `activation/handler.ts` is the way of one activation, `pool.ts`
 * decides about VMs.
 */

import {
  type BootVm,
  type CloneOptions,
  cpuGroups,
  type Profile,
  type TenderKind,
  type Vm,
} from '@ebbwhisk/libos-node';
import type { Logger } from 'pino';
import { ActionCache } from './actions/action-cache.ts';
import { CodeCache } from './actions/code-cache.ts';
import { ActivationHandler } from './activation/handler.ts';
import { Reporter } from './activation/reporter.ts';
import type { Bus } from './bus/bus.ts';
import { type Clock, systemClock, within } from './clock.ts';
import { startHealthPings } from './health.ts';
import { type ActivationCounts, Metrics } from './metrics.ts';
import { type ManagedVm, Pool, type PoolStatus } from './pool.ts';
import { invokerInstance, topics } from './protocol/messages.ts';
import { followInvalidations, sweep } from './snapshots/invalidation.ts';
import { SnapshotCache } from './snapshots/snapshot-cache.ts';
import type { ActionStore, ActivationStore } from './store/store.ts';

export interface InvokerOptions {
  readonly bus: Bus;
  readonly actions: ActionStore;
  readonly activations: ActivationStore;
  /** The N of `invoker<N>`. */
  readonly instance: number;
  /** What the memory limits of all VMs may add up to. */
  readonly memoryMb: number;
  /** Cores that all VMs may use together, each its part by memory as a hard limit. Default: no such limit. */
  readonly cpus?: number;
  readonly boot: BootVm;
  /** Clones snapshots of functions; without it, or without `snapshots`, there are no warm starts. */
  readonly clone?: (options: CloneOptions) => Promise<Vm>;
  /** Where snapshots of functions are kept, and how much of them. */
  readonly snapshots?: { readonly folder: string; readonly maxBytes: number };
  /** VMs made ahead, at most. Default 0. */
  readonly prepared?: number;
  /** Given to actions as __OW_API_HOST. */
  readonly apiHost: string;
  /** Ports of the host's 127.0.0.1 that guests may reach through the gateway address. */
  readonly gatewayPorts?: readonly number[];
  readonly tender?: TenderKind;
  readonly profile?: Profile;
  readonly log: Logger;
  readonly clock?: Clock;
  /** An idle VM ends after this long. Default 10 minutes. */
  readonly idleMs?: number;
  /** A VM is idle this long before a snapshot of its function is taken. Default 50 ms. */
  readonly captureDelayMs?: number;
  /** close() waits this long for running activations. Default 30 seconds. */
  readonly drainMs?: number;
  /** Messages taken from the bus and not yet done. Default 4 for each 128 MB of memory, at least 64. */
  readonly maxInFlight?: number;
  /** Longest response of an action, and what is kept of a longer one, in bytes. Default 1 MiB each. */
  readonly maxResponseBytes?: number;
  readonly truncationBytes?: number;
}

export interface InvokerStatus {
  readonly instance: number;
  readonly state: 'running' | 'closing' | 'closed';
  /** Messages in hand. */
  readonly inFlight: number;
  readonly starts: ActivationCounts;
  readonly pool: PoolStatus;
  /** Of functions, on disk. */
  readonly snapshots: { readonly count: number; readonly bytes: number };
}

export interface Invoker {
  /** Takes no more messages, lets running activations finish within drainMs, then ends all VMs. Idempotent. */
  close(): Promise<void>;
  status(): InvokerStatus;
  /** A live VM by its id. */
  vm(id: string): ManagedVm | undefined;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

const kDefaultIdleMs = 10 * 60_000;
const kDefaultCaptureDelayMs = 50;
const kCodeCacheBytes = 256 * 1024 * 1024;
const kDefaultDrainMs = 30_000;
const kDefaultResponseBytes = 1024 * 1024;
const kMinActionMb = 128;
/** After the VMs have ended, acks and records of what was cut off still have to go out. */
const kReportMs = 5_000;

export async function startInvoker(options: InvokerOptions): Promise<Invoker> {
  const { bus, instance, memoryMb, clock = systemClock } = options;
  const log = options.log.child({ component: `invoker${instance}` });
  const identity = invokerInstance(instance, memoryMb, `invoker${instance}`);
  const snapshots =
    options.snapshots && (await SnapshotCache.open({ ...options.snapshots, log, now: () => clock.now() }));
  const snapshotCounts = () => ({ count: snapshots?.count ?? 0, bytes: snapshots?.bytes ?? 0 });
  const metrics = new Metrics({
    queued: () => pool.queued,
    usedMb: () => pool.usedMb,
    prepared: () => pool.prepared,
    snapshots: snapshotCounts,
  });
  const codeCache = new CodeCache(kCodeCacheBytes);
  const pool = new Pool({
    codeCache,
    boot: options.boot,
    ...(options.clone === undefined ? {} : { clone: options.clone }),
    ...(snapshots === undefined ? {} : { snapshots }),
    prepared: options.prepared ?? 0,
    captureDelayMs: options.captureDelayMs ?? kDefaultCaptureDelayMs,
    onCaptured: (ms) => metrics.captured(ms),
    bootOptions: {
      ...(options.tender === undefined ? {} : { tender: options.tender }),
      ...(options.profile === undefined ? {} : { profile: options.profile }),
      ...(options.gatewayPorts === undefined ? {} : { gatewayPorts: options.gatewayPorts }),
    },
    memoryMb,
    ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
    idleMs: options.idleMs ?? kDefaultIdleMs,
    clock,
    log,
  });
  const reporter = new Reporter({
    bus,
    activations: options.activations,
    instance: identity,
    clock,
    log,
    onLost: (what) => metrics.lost(what),
  });
  const handler = new ActivationHandler({
    actions: new ActionCache({ store: options.actions, clock }),
    pool,
    codeCache,
    reporter,
    apiHost: options.apiHost,
    responseLimits: {
      maxBytes: options.maxResponseBytes ?? kDefaultResponseBytes,
      truncationBytes: options.truncationBytes ?? kDefaultResponseBytes,
    },
    clock,
    log,
    metrics,
  });

  let inFlight = 0;
  let state: InvokerStatus['state'] = 'running';
  const topic = topics.invoker(instance);
  await bus.ensureTopic(topic);
  await bus.ensureTopic(topics.health);
  const maxInFlight = options.maxInFlight ?? Math.max(64, 4 * Math.ceil(memoryMb / kMinActionMb));
  const consumer = await bus.consume(topic, topic, { maxInFlight }, async (message) => {
    inFlight += 1;
    try {
      await handler.handle(message);
    } finally {
      inFlight -= 1;
    }
  });
  const invalidations = snapshots && (await followInvalidations(bus, instance, snapshots));
  if (snapshots !== undefined) {
    sweep(options.actions, snapshots).catch((error: unknown) => log.error({ err: error }, 'sweeping snapshots failed'));
  }
  const pings = startHealthPings(bus, identity, log);
  log.info({ memoryMb, maxInFlight, cpuShares: cpuGroups().method }, 'invoker started');

  async function shutDown(): Promise<void> {
    state = 'closing';
    await pings.stop();
    await invalidations?.close();
    const drained = consumer.close();
    await within(drained, options.drainMs ?? kDefaultDrainMs);
    await pool.close(0);
    await within(drained, kReportMs);
    state = 'closed';
    log.info('invoker closed');
  }

  let closing: Promise<void> | undefined;
  return {
    close() {
      closing ??= shutDown();
      return closing;
    },
    status: () => ({
      instance,
      state,
      inFlight,
      starts: metrics.counts(),
      pool: pool.status(),
      snapshots: snapshotCounts(),
    }),
    vm: (id) => pool.find(id),
    metrics: () => metrics.text(),
  };
}
