/**
 * A Vm for tests: a real HTTP server on a real unix socket, with the answers that a test asks for. It can log, hang,
 * break its connection and die like a guest does.
 */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BootOptions,
  type BootVm,
  type CloneOptions,
  type ExitReport,
  type LogRecord,
  type Vm,
  type VmCost,
  VmError,
  type VmOrigin,
} from '@ebbwhisk/libos-node';

export interface FakeGuest {
  /** Milliseconds until flushLogs resolves; none: at once. */
  readonly flushMs?: number;
  /** Milliseconds that a snapshot takes. */
  readonly snapshotMs?: number;
  /** Rejects with what this throws. */
  onSnapshot?(vm: FakeVm, file: string): void;
  /** What it has cost; the default is always the same. */
  cost?(vm: FakeVm): Promise<VmCost>;
  /** Called before a VM is cloned from a snapshot. */
  onClone?(file: string): void;
  /** Called for each request; the default answers /init with OK and /run with its own value. */
  onRequest?(request: { path: string; body: string; vm: FakeVm; response: ServerResponse }): void | Promise<void>;
}

export class FakeVm implements Vm {
  readonly id: string;
  readonly target = 'process';
  readonly origin: VmOrigin;
  readonly socketPath: string;
  readonly exited: Promise<ExitReport>;
  readonly options: BootOptions;
  readonly requests: { path: string; body: string }[] = [];
  connections = 0;
  ended = false;
  readonly #guest: FakeGuest;
  #dir: string;
  #flushMs: number;
  #server: Server;
  #resolveExit: (report: ExitReport) => void = () => {};
  #listeners = new Set<(record: LogRecord) => void>();

  constructor(id: string, options: BootOptions, guest: FakeGuest, origin: VmOrigin) {
    this.id = id;
    this.origin = origin;
    this.#guest = guest;
    this.options = options;
    this.#flushMs = guest.flushMs ?? 0;
    this.#dir = mkdtempSync(join(tmpdir(), 'fake-vm-'));
    this.socketPath = join(this.#dir, 'socket');
    this.exited = new Promise((resolve) => {
      this.#resolveExit = resolve;
    });
    this.#server = createServer((request, response) => {
      void this.#serve(request, response, guest);
    });
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.socketPath, resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse, guest: FakeGuest): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const path = request.url ?? '';
    this.requests.push({ path, body });
    if (guest.onRequest !== undefined) await guest.onRequest({ path, body, vm: this, response });
    if (response.writableEnded || response.destroyed) return;
    if (path === '/init') answer(response, 200, '{"OK":true}');
    else if (path === '/collect') answer(response, 200, '{}');
    else answer(response, 200, JSON.stringify((JSON.parse(body) as { value: unknown }).value));
  }

  write(stream: LogRecord['stream'], text: string | Uint8Array, time = Date.now()): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    for (const listener of this.#listeners) listener({ stream, time, bytes });
  }

  /** The guest dies: connections break, then the report comes. */
  async die(report: ExitReport): Promise<void> {
    this.ended = true;
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    rmSync(this.#dir, { recursive: true, force: true });
    this.#resolveExit(report);
  }

  onLog(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  flushLogs(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#flushMs));
  }

  stats() {
    return Promise.resolve({
      pids: [],
      start: 'cold' as const,
      origin: this.origin,
      memoryBytes: 0,
      cpuMs: 0,
      uptimeMs: 0,
    });
  }

  cost(): Promise<VmCost> {
    if (this.ended) return Promise.reject(new VmError('VM_ENDED'));
    return this.#guest.cost?.(this) ?? Promise.resolve({ faults: 500, exits: 5 });
  }

  /** Like the real one, the file is there whole or not at all. */
  async snapshot(file: string, signal?: AbortSignal): Promise<void> {
    const { snapshotMs = 0, onSnapshot } = this.#guest;
    await sleep(snapshotMs, undefined, signal === undefined ? {} : { signal }).catch(() => {
      throw new VmError('VM_SNAPSHOT_FAILED', 'interrupted');
    });
    if (this.ended) throw new VmError('VM_ENDED');
    onSnapshot?.(this, file);
    writeFileSync(file, `snapshot of ${this.id}`, { mode: 0o600 });
  }

  async end(): Promise<ExitReport> {
    if (!this.ended) await this.die({ reason: 'ended' });
    return this.exited;
  }
}

export function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export interface FakeHost {
  /** VMs that count as cloned from a template. */
  readonly boot: BootVm;
  readonly clone: (options: CloneOptions) => Promise<Vm>;
  /** Every VM ever booted, in order. */
  readonly vms: FakeVm[];
  /** VMs that exist now. */
  readonly alive: () => FakeVm[];
  close(): Promise<void>;
}

export function fakeHost(guest: FakeGuest = {}): FakeHost {
  const vms: FakeVm[] = [];
  const start = async (options: BootOptions, origin: VmOrigin) => {
    const vm = new FakeVm(`vm${vms.length}`, options, guest, origin);
    vms.push(vm);
    await vm.listen();
    return vm;
  };
  return {
    vms,
    alive: () => vms.filter((vm) => !vm.ended),
    boot: (options) => start(options, 'template'),
    clone: async (options) => {
      const { functionSnapshot = '' } = options;
      guest.onClone?.(functionSnapshot);
      if (!existsSync(functionSnapshot)) throw new VmError('VM_SNAPSHOT_REFUSED', functionSnapshot);
      return start(options, 'snapshot');
    },
    close: async () => {
      await Promise.all(vms.map((vm) => vm.end()));
    },
  };
}
