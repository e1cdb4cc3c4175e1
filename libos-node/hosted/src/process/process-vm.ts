/**
 * The `process` target: the action runtime in a plain Node process, behind the interface of a VM. It is the baseline of every
 * comparison, and a way to run on machines where no tender works.
 *
 * Invariant: one process group per Vm, and a folder that only its owner may enter (socket, work files); both are gone when `exited`
 * settles. The process dies with its parent, too: it watches a socket to it.
 *
 * Left out, for it is no sandbox: confinement of files and network (profile, tender, gatewayPorts, allowPrivateNetworks and onTrace have no
 * effect), descendants that leave the process group, and a true memory limit: memoryMb bounds V8's old space only,
 * not Buffers, stacks or native memory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { VmError } from '../errors.ts';
import { checkExposure, parseAddress } from '../exposure.ts';
import { type OwnedPlace, ownerFolder } from '../owner/owner-folder.ts';
import type { BootOptions, BootVm, ExitReport, ExposedPort, LogRecord, Vm, VmCost, VmStats } from '../vm.ts';
import { LogTap } from './log-tap.ts';
import { forwardPort, type PortForward } from './port-forward.ts';
import { readFaults, readFigures } from './proc-stats.ts';
import { runtimeScript } from './runtime-folder.ts';

export interface ProcessTargetOptions {
  /** Path of the Node binary per kind. Default: the running one, for the kind of its major version. */
  readonly nodes?: Readonly<Record<string, string>>;
  /** Command-line options of Node. Default: its old space is bounded by memoryMb. */
  readonly nodeOptions?: readonly string[];
  readonly bootTimeoutMs?: number;
}

const ownKind = `nodejs:${process.versions.node.split('.')[0]}`;
const defaultBootTimeoutMs = 30_000;
/** How long after the end of the process its pipes may stay open (held by a descendant that left the group). */
const pipesTimeoutMs = 1000;
const controlFd = 3;

/** Boots plain Node with the action runtime; see the file's comment for what is left out. */
export const bootProcess: BootVm = createProcessBoot();

export function createProcessBoot(target: ProcessTargetOptions = {}): BootVm {
  const nodes = target.nodes ?? { [ownKind]: process.execPath };
  return async (options) => {
    const node = nodes[options.kind];
    if (node === undefined)
      throw new VmError('VM_IMAGE_MISSING', `The process target has no Node for ${options.kind}.`);
    throwIfAborted(options.signal);
    checkExposure(options);
    const script = await runtimeScript();
    throwIfAborted(options.signal);
    const nodeOptions = target.nodeOptions ?? [`--max-old-space-size=${options.memoryMb}`];
    const vm = new ProcessVm([node, ...nodeOptions, script], options);
    try {
      await vm.ready(target.bootTimeoutMs ?? defaultBootTimeoutMs, options.signal);
      if (options.port !== undefined) await vm.forward(options.port);
      return vm;
    } catch (error) {
      await vm.end();
      throw error instanceof VmError
        ? error
        : new VmError('VM_BOOT_FAILED', (error as Error).message, { cause: error });
    }
  };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new VmError('VM_ABORTED');
}

function socketIn(folder: string): string {
  return join(folder, 'action.sock');
}

function start([node = '', ...args]: readonly string[], folder: string, options: BootOptions): ChildProcess {
  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true, mode: 0o700 });
  return spawn(node, args, {
    cwd: work,
    // A group of its own, so that end() reaches what the action started.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {
      HOME: work,
      TMPDIR: work,
      ...options.env,
      EBB_RUNTIME_SOCKET: socketIn(folder),
      EBB_RUNTIME_CONTROL_FD: String(controlFd),
      EBB_RUNTIME_FOLDER: folder,
      ...inspectorEnv(options),
    },
  });
}

function inspectorEnv({ inspect }: BootOptions): Readonly<Record<string, string>> {
  if (inspect === undefined) return {};
  const { host, port, wait = false } = inspect;
  return { EBB_RUNTIME_INSPECTOR: `${host}:${port}${wait ? ',wait' : ''}` };
}

let count = 0;

/** Groups to kill when this process ends in an orderly way; the control socket covers the other ways. */
const groups = new Set<number>();

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group is gone.
  }
}

process.on('exit', () => {
  for (const pid of groups) killGroup(pid);
});

class ProcessVm implements Vm {
  readonly id: string;
  readonly target = 'process';
  readonly origin = 'boot';
  readonly socketPath: string;
  inspector?: Omit<ExposedPort, 'guestPort'>;
  readonly exited: Promise<ExitReport>;
  readonly #place: OwnedPlace;
  readonly #child: ChildProcess;
  readonly #tap: LogTap;
  readonly #startedAt = performance.now();
  #forward: PortForward | undefined;
  #endAsked = false;
  #ended = false;

  constructor(command: readonly string[], options: BootOptions) {
    count += 1;
    this.id = `process-${count}`;
    this.#place = ownerFolder.take(this.id);
    const folder = this.#place.path(this.id);
    this.socketPath = socketIn(folder);
    try {
      this.#child = start(command, folder, options);
    } catch (error) {
      // spawn throws for an environment with a NUL, for one.
      this.#place.release(this.id);
      throw error;
    }
    const child = this.#child;
    if (child.pid !== undefined) void this.#place.record(child.pid, realpathSync(command[0] ?? ''));
    this.#tap = new LogTap(child.stdout as Readable, child.stderr as Readable, now);
    if (child.pid !== undefined) groups.add(child.pid);
    this.exited = this.#watch();
  }

  onLog(listener: (record: LogRecord) => void): () => void {
    return this.#tap.onLog(listener);
  }

  flushLogs(): Promise<void> {
    return this.#tap.flush();
  }

  async stats(): Promise<VmStats> {
    const { pid } = this.#child;
    if (this.#ended || pid === undefined) throw new VmError('VM_ENDED');
    return {
      ...(await readFigures(pid)),
      start: 'cold',
      origin: this.origin,
      uptimeMs: performance.now() - this.#startedAt,
    };
  }

  async cost(): Promise<VmCost> {
    const { pid } = this.#child;
    if (this.#ended || pid === undefined) throw new VmError('VM_ENDED');
    const faults = readFaults([pid]);
    return faults === undefined ? {} : { faults };
  }

  async snapshot(): Promise<void> {
    throw new VmError('VM_NO_SNAPSHOT');
  }

  end(): Promise<ExitReport> {
    if (!this.#ended && !this.#endAsked) {
      this.#endAsked = true;
      if (this.#child.pid !== undefined) killGroup(this.#child.pid);
    }
    return this.exited;
  }

  /** Resolves when the runtime listens. */
  async ready(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const done = new AbortController();
    const listening = new Promise<void>((resolve) => {
      (this.#child.stdio[controlFd] as Readable).once('data', (said: Buffer) => {
        const address = parseAddress(/^ready ws:\/\/([^/]+)\//.exec(said.toString())?.[1] ?? '');
        if (address !== undefined) this.inspector = address;
        resolve();
      });
    });
    const failed = this.exited.then((report) => {
      throw new VmError('VM_BOOT_FAILED', [report.detail, this.#tap.stderrTail].filter(Boolean).join('\n'));
    });
    failed.catch(() => {});
    const givenUp = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => reject(new VmError('VM_BOOT_TIMEOUT')), timeoutMs);
      const abort = () => reject(new VmError('VM_ABORTED'));
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
      done.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      });
    });
    try {
      await Promise.race([listening, failed, givenUp]);
    } finally {
      done.abort();
    }
  }

  async forward(port: number): Promise<void> {
    this.#forward = await forwardPort(port, this.socketPath);
  }

  async #watch(): Promise<ExitReport> {
    const child = this.#child;
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const report = await new Promise<ExitReport>((resolve) => {
      child.once('exit', (code, signal) => resolve(this.#report(code, signal)));
      child.once('error', (error) => resolve({ reason: 'tender', detail: error.message }));
    });
    this.#ended = true;
    if (child.pid !== undefined) {
      killGroup(child.pid);
      groups.delete(child.pid);
      await Promise.race([closed, timeout(pipesTimeoutMs)]);
    }
    for (const stream of child.stdio) stream?.destroy();
    this.#forward?.close();
    this.#place.release(this.id);
    const ranOut = report.signal !== undefined && this.#tap.stderrTail.includes('JavaScript heap out of memory');
    return ranOut ? { ...report, reason: 'memory' } : report;
  }

  #report(code: number | null, signal: NodeJS.Signals | null): ExitReport {
    if (this.#endAsked) return { reason: 'ended' };
    if (signal === null) return { reason: 'exit', code: code ?? 0 };
    return { reason: faults.has(signal) ? 'fault' : 'abort', signal };
  }
}

const faults: ReadonlySet<NodeJS.Signals> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']);

function now(): number {
  return performance.timeOrigin + performance.now();
}

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
