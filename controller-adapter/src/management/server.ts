/**
 * The management socket of a running stack: HTTP/JSON on `<data-dir>/control.sock`.
 *
 *     GET  /status            process, address, counts
 *     GET  /metrics           counters and histograms of the invoker, for Prometheus
 *     GET  /vms               every VM with its figures
 *     GET  /vms/ID/logs       its last log lines, one JSON object per line; ?follow=true: until it ends
 *     POST /vms/ID/kill       ends it; answers when nothing of it is left
 *
 * Invariants: the socket is 0600 from the moment it exists and gone after close(); the caller holds the lock of the
 * data folder, so a socket that is there already is a stale one. Left out: authentication beyond the file's mode.
 */

import { lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Invoker, PoolStatus } from '@ebbwhisk/invoker';
import { within } from '@ebbwhisk/invoker/clock.ts';
import type { Logger } from 'pino';
import { ManagementError, managementErrors, SetupError } from '../errors.ts';
import type { Killed, VmRow } from './protocol.ts';

export interface ManagementOptions {
  readonly path: string;
  readonly invoker: Pick<Invoker, 'status' | 'vm' | 'metrics'>;
  /** What GET /status tells beside the invoker's status. */
  readonly about: Readonly<Record<string, string | number>>;
  readonly log: Logger;
}

export interface Management {
  close(): Promise<void>;
}

/** Room in sockaddr_un. */
const kMaxPathBytes = 107;
/** A VM that does not tell its figures must not hold up the list. */
const kStatsMs = 1_500;
const kKillMs = 10_000;
/** A reader that is slower than the guest loses lines beyond this. */
const kMaxUnsentBytes = 1024 * 1024;

/** Throws SetupError CONTROL_PATH_TOO_LONG. */
export function checkControlPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > kMaxPathBytes) {
    throw new SetupError('CONTROL_PATH_TOO_LONG', `(${path}: ${length} bytes, at most ${kMaxPathBytes})`);
  }
}

/** Rejects with SetupError CONTROL_PATH_TOO_LONG or CONTROL_UNUSABLE. */
export async function openManagement(options: ManagementOptions): Promise<Management> {
  const { path, log } = options;
  checkControlPath(path);
  const server = createServer((request, response) => {
    request.resume();
    serve(options, request, response).catch((error: unknown) => {
      if (!(error instanceof ManagementError)) log.error({ err: error }, 'a management request failed');
      answerError(response, error instanceof ManagementError ? error : new ManagementError('INTERNAL'));
    });
  });
  try {
    removeStale(path);
    await listen(server, path);
  } catch (error) {
    throw new SetupError('CONTROL_UNUSABLE', `${path}: ${(error as Error).message}`, { cause: error });
  }
  return {
    close: () =>
      new Promise((resolve) => {
        // This takes the socket's file away as well.
        server.close(() => resolve());
        // Who follows logs would keep it open for ever.
        server.closeAllConnections();
      }),
  };
}

function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('there is something else of this name');
  rmSync(path);
}

function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.once('listening', resolve);
  // A chmod afterwards would leave a moment in which anybody can connect; the bind happens inside listen().
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  return promise;
}

async function serve(options: ManagementOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { invoker, about } = options;
  const { method = '', url = '' } = request;
  const [path = '', query = ''] = url.split('?', 2);
  const [, root = '', id, verb, ...rest] = path.split('/');
  const want = (wanted: string) => {
    if (method !== wanted) throw new ManagementError('METHOD_NOT_ALLOWED', method);
  };
  const vm = () => {
    const name = decoded(id ?? '');
    const found = invoker.vm(name);
    if (found === undefined) throw new ManagementError('VM_UNKNOWN', name);
    return found;
  };
  if (root === 'status' && id === undefined) {
    want('GET');
    answer(response, 200, { ...about, invoker: invoker.status() });
  } else if (root === 'metrics' && id === undefined) {
    want('GET');
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(await invoker.metrics());
  } else if (root === 'vms' && id === undefined) {
    want('GET');
    answer(response, 200, await Promise.all(invoker.status().pool.vms.map((row) => describe(invoker, row))));
  } else if (root === 'vms' && verb === 'logs' && rest.length === 0) {
    want('GET');
    sendLogs(response, vm().logs, new URLSearchParams(query).get('follow') === 'true');
  } else if (root === 'vms' && verb === 'kill' && rest.length === 0) {
    want('POST');
    const { vm: found, kill } = vm();
    const report = await within(kill(), kKillMs);
    if (report === undefined) throw new ManagementError('KILL_TIMEOUT', found.id);
    answer(response, 200, { id: found.id, reason: report.reason } satisfies Killed);
  } else {
    throw new ManagementError('PATH_UNKNOWN', path);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function describe(invoker: Pick<Invoker, 'vm'>, row: PoolStatus['vms'][number]): Promise<VmRow> {
  const found = row.id === undefined ? undefined : invoker.vm(row.id);
  // It may end while it is asked.
  const stats = found && (await within(found.vm.stats(), kStatsMs).catch(() => undefined));
  return {
    id: row.id ?? null,
    namespace: row.namespace,
    action: row.action,
    revision: row.revision,
    state: row.state,
    start: stats?.start ?? null,
    origin: found?.vm.origin ?? null,
    active: row.active,
    served: row.served,
    memoryLimitMb: row.memoryMb,
    memoryBytes: stats?.memoryBytes ?? null,
    cpuMs: stats?.cpuMs ?? null,
    exits: stats?.exits ?? null,
    faults: stats?.faults ?? null,
    uptimeMs: stats === undefined ? null : Math.round(stats.uptimeMs),
    pids: [...(stats?.pids ?? [])],
  };
}

type Logs = NonNullable<ReturnType<Invoker['vm']>>['logs'];

function sendLogs(response: ServerResponse, logs: Logs, follow: boolean): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const write = (line: object) => response.write(`${JSON.stringify(line)}\n`);
  if (!follow) {
    for (const line of logs.lines()) write(line);
    response.end();
    return;
  }
  // Else a reader of a silent VM would not know that it was heard.
  response.flushHeaders();
  let lost = 0;
  const stop = logs.follow({
    onLine: (line) => {
      if (response.writableLength > kMaxUnsentBytes) {
        lost += 1;
        return;
      }
      if (lost > 0) write({ time: line.time, stream: 'stderr', text: `[${lost} lines left out: read too slowly]` });
      lost = 0;
      write(line);
    },
    onEnd: () => response.end(),
  });
  response.once('close', stop);
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function answerError(response: ServerResponse, { code, message }: ManagementError): void {
  if (response.headersSent) response.destroy();
  else answer(response, managementErrors[code].status, { code, error: message });
}
