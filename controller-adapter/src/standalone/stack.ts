/**
 * The local stack: store, embedded bus, invoker and API in one process.
 *
 * Invariants: when startStack resolves, an action can be invoked; when it rejects, nothing is left running; close()
 * lets requests and activations finish within its time and then leaves no VM. The data folder is locked throughout.
 */

import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createEmbeddedBus, startInvoker } from '@ebbwhisk/invoker';
import { invalidationTopic, serialiseInvalidation } from '@ebbwhisk/invoker/snapshots/invalidation.ts';
import type { BootVm, TenderKind } from '@ebbwhisk/libos-node';
import type { Logger } from 'pino';
import { createApi } from '../api/server.ts';
import { guest, loadUsers, Users } from '../auth/users.ts';
import { SetupError } from '../errors.ts';
import { Activator } from '../invoke/activator.ts';
import { controlPath } from '../management/protocol.ts';
import { checkControlPath, openManagement } from '../management/server.ts';
import { type ControllerSettings, localSettings } from '../settings.ts';
import { openStore } from '../store/sqlite.ts';
import { lockDataDir } from './lock.ts';
import { apiHostOf, bareHost, hostOf, kindsOf, removeLeftovers, type Target } from './targets.ts';

export interface StackOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly target: Target;
  readonly tender: TenderKind;
  /** What the memory limits of all VMs may add up to, MiB. */
  readonly memoryMb: number;
  /** Cores that all VMs may use together. */
  readonly cpus?: number;
  /** VMs made ahead, at most. */
  readonly prepared?: number;
  /** Disk space for snapshots of functions, MiB. Absent or 0: none are taken. */
  readonly snapshotMb?: number;
  /** File of users beside the stock guest. */
  readonly users?: string;
  /** Further ports of the host's 127.0.0.1 that actions may reach through the gateway. */
  readonly gatewayPorts?: readonly number[];
  readonly settings?: ControllerSettings;
  readonly log: Logger;
  /** Instead of the target's own. */
  readonly boot?: BootVm;
  readonly build?: { readonly build: string; readonly buildNumber: string };
  /** How long close() waits for requests and activations. */
  readonly drainMs?: number;
}

export interface Stack {
  /** `http://host:port`, as clients on this machine reach it. */
  readonly url: string;
  readonly port: number;
  /** Whether OpenWhisk's public guest key is accepted. */
  readonly guest: boolean;
  /** Idempotent. */
  close(): Promise<void>;
}

const kReadyMs = 10_000;
const kDrainMs = 10_000;
/** What answers get to reach their clients once nothing is awaited any more. */
const kAnswerMs = 1_000;
const kIdleCheckMs = 20;

export async function startStack(options: StackOptions): Promise<Stack> {
  const { log, target, host } = options;
  const settings = options.settings ?? { ...localSettings, kinds: kindsOf(target) };
  const drainMs = options.drainMs ?? kDrainMs;
  const cleanups: (() => Promise<void> | void)[] = [];
  const unwind = async () => {
    for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) {
      // What fails to close must not keep the rest open.
      await Promise.resolve()
        .then(cleanup)
        .catch((error: unknown) => log.error({ err: error }, 'closing failed'));
    }
  };
  try {
    const users = options.users === undefined ? new Users() : await loadUsers(options.users, (text) => log.warn(text));
    // Actions learn the port before the API listens, and a port in use is told before anything is started.
    const port = await freePort(host, options.port);
    const dataDir = resolve(options.dataDir);
    checkControlPath(controlPath(dataDir));
    const lock = lockDataDir(dataDir);
    cleanups.push(() => lock.release());
    const left = await removeLeftovers();
    if (left.folders > 0) log.info(left, 'removed what killed stacks left behind');
    const store = openStore(dataDir);
    cleanups.push(() => store.close());
    const bus = createEmbeddedBus({
      onHandlerError: (error, topic) => log.error({ err: error, topic }, 'a message handler failed'),
    });
    cleanups.push(() => bus.close());
    const activator = new Activator({
      bus,
      activations: store.activations,
      log: log.child({ component: 'controller' }),
    });
    await activator.start();
    cleanups.push(() => activator.close(0));
    const vms = options.boot === undefined ? await hostOf(target, dataDir, log) : bareHost(options.boot);
    cleanups.push(() => vms.close());
    const invoker = await startInvoker({
      bus,
      actions: store.entities,
      activations: store.activations,
      instance: 0,
      memoryMb: options.memoryMb,
      ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
      boot: vms.boot,
      ...(vms.clone === undefined ? {} : { clone: vms.clone }),
      ...(options.snapshotMb === undefined || options.snapshotMb === 0 || vms.clone === undefined
        ? {}
        : { snapshots: { folder: join(dataDir, 'snapshots'), maxBytes: options.snapshotMb * 1024 * 1024 } }),
      ...(options.prepared === undefined ? {} : { prepared: options.prepared }),
      apiHost: apiHostOf(target, port),
      gatewayPorts: [port, ...(options.gatewayPorts ?? [])],
      tender: options.tender,
      log,
      drainMs,
      maxResponseBytes: settings.payloadBytes,
    });
    cleanups.push(() => invoker.close());
    const url = `http://${reachable(host)}:${port}`;
    // Closed after the API has drained: an activation that holds that up can still be found and killed.
    const management = await openManagement({
      path: controlPath(dataDir),
      invoker,
      about: { pid: process.pid, url, target, startedAt: new Date().toISOString() },
      log: log.child({ component: 'management' }),
    });
    cleanups.push(() => management.close());
    if (!(await activator.health.waitHealthy(kReadyMs))) throw new SetupError('INVOKER_NOT_READY');
    const api = createApi({
      settings,
      users,
      entities: store.entities,
      activations: store.activations,
      activator,
      onChange: (id) => {
        // Who cannot be told finds out by the revision, or at its next start.
        bus.send(invalidationTopic, serialiseInvalidation(id, 'controller0')).catch((error: unknown) => {
          log.warn({ err: error, action: id }, 'a change was not told');
        });
      },
      build: options.build ?? { build: 'ebbwhisk', buildNumber: 'local' },
      log: log.child({ component: 'api' }),
    });
    cleanups.push(async () => {
      // From here on new requests are answered 503; open ones hold close() until their activations end.
      const closed = api.close();
      await activator.close(drainMs);
      // A connection that carried one of those is idle only now, and would be kept alive.
      const idle = setInterval(() => api.server.closeIdleConnections(), kIdleCheckMs);
      const force = setTimeout(() => api.server.closeAllConnections(), kAnswerMs);
      await closed;
      clearInterval(idle);
      clearTimeout(force);
    });
    await api.listen({ host, port }).catch((error: unknown) => Promise.reject(listenError(error, host, port)));
    // Not before: the first request needs the processor more.
    vms.prepare([
      { kind: settings.defaultKind, memoryMb: settings.memoryMb.std, tender: options.tender, cpu: { shares: 1024 } },
    ]);
    if (users.hasGuest && !isLoopback(host)) {
      log.warn({ host, namespace: guest.namespace }, 'the guest key is public: give a users file with "guest": false');
    }
    return { url, port, guest: users.hasGuest, close: unwind };
  } catch (error) {
    await unwind();
    throw error;
  }
}

/** The port if it can be listened on, a free one for 0. */
async function freePort(host: string, port: number): Promise<number> {
  const probe = createServer();
  return new Promise((resolvePort, reject) => {
    probe.once('error', (error) => reject(listenError(error, host, port)));
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      probe.close(() => resolvePort(bound));
    });
  });
}

function listenError(error: unknown, host: string, port: number): SetupError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return new SetupError('PORT_IN_USE', `(${host}:${port})`, { cause: error });
  const text = error instanceof Error ? error.message : String(error);
  return new SetupError('ADDRESS_UNUSABLE', `${host}:${port}: ${text}`, { cause: error });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
