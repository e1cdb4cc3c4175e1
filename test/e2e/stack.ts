/**
 * The local stack as its user runs it: the program of `npm start` in a process of its own, with a data folder and a temporary
 * folder of its own, on a free port.
 *
 * Invariant: stop() and kill() return only when the process is gone, and tell what it left behind: processes (it and whatever
 * descended from it, also those that were adopted since), open sockets, files in its temporary folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ManagementClient } from '@ebbwhisk/controller-adapter/management/client.ts';
import { rootFolder } from '@ebbwhisk/libos-node/paths';
import { ApiClient } from './client.ts';
import {
  allProcesses,
  commandLine,
  descendants,
  isRunning,
  type ProcessEntry,
  processEntry,
  unixSocketsBelow,
} from './processes.ts';

export interface StackOptions {
  readonly tender: 'kvm' | 'process';
  readonly target?: 'libos' | 'process';
  /** What the memory limits of all VMs may add up to, MiB. */
  readonly memoryMb?: number;
  readonly gatewayPorts?: readonly number[];
  /** Space for snapshots of functions; default: that of the stack. */
  readonly snapshotMb?: number;
  /** Default: a free one. */
  readonly port?: number;
  /** Default warn. */
  readonly logLevel?: 'info' | 'warn';
  /** Environment beside that of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface StackEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What is still there that should not be; empty when all is well. */
  readonly left: readonly string[];
}

const readyMs = 20_000;
/** Above the ten seconds that the stack gives running activations. */
const stopMs = 15_000;
/** Processes of a stack that was killed end by themselves; they get this long. */
const settleMs = 5_000;

/** What a stack says on stderr: its last lines, JSON each. */
export class StackLog {
  #text = '';

  constructor(stderr: Readable) {
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#text = (this.#text + text).slice(-131_072);
    });
  }

  tail(): string {
    return this.#text.slice(-8192);
  }

  records(): Record<string, unknown>[] {
    return this.#text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        // The first line may be cut, the last one is empty.
        return [];
      }
    });
  }
}

export class RunningStack {
  readonly url: string;
  readonly api: ApiClient;
  readonly log: StackLog;
  readonly #folder: StackFolder;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Pick<StackEnd, 'status' | 'signal'>>;
  readonly #self: ProcessEntry;
  /** Every process of the stack that was ever seen: one whose parent has died is no descendant any more. */
  readonly #seen = new Map<string, ProcessEntry>();

  constructor(folder: StackFolder, child: ChildProcess, url: string, self: ProcessEntry, log: StackLog) {
    this.#folder = folder;
    this.#child = child;
    this.#self = self;
    this.url = url;
    this.log = log;
    this.api = new ApiClient(url);
    this.#ended = new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) {
        resolve({ status: child.exitCode, signal: child.signalCode });
      }
      child.once('exit', (status, signal) => resolve({ status, signal }));
    });
  }

  get pid(): number {
    return this.#self.pid;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Its data folder. */
  get data(): string {
    return this.#folder.data;
  }

  /** The processes of its VMs. */
  processes(): ProcessEntry[] {
    const found = descendants(this.pid);
    for (const entry of found) this.#seen.set(`${entry.pid} ${entry.started}`, entry);
    return found;
  }

  #known(): ProcessEntry[] {
    this.processes();
    return [this.#self, ...this.#seen.values()];
  }

  /** The tenders of VMs among them: one that booted has a process of this one, a clone has a child of its template's server. */
  tenders(): ProcessEntry[] {
    return this.processes().filter(
      ({ pid, parent, name, state }) =>
        state !== 'Z' && (name === 'ebbbroker' || (parent === this.pid && name === 'ebbtender' && !isServer(pid))),
    );
  }

  /** Of templates: the servers, and what their clones are forked from. */
  templates(): ProcessEntry[] {
    const all = this.processes();
    const servers = all.filter(({ pid, parent }) => parent === this.pid && isServer(pid));
    const zygotes = all.filter(({ parent }) => servers.some(({ pid }) => pid === parent));
    return [...servers, ...zygotes.filter(({ name }) => name === 'ebbzygote')];
  }

  /** The tender first. */
  async processesOf(tender: ProcessEntry): Promise<ProcessEntry[]> {
    const rows = await new ManagementClient(this.data).vms();
    const pids = rows.find((row) => row.pids[0] === tender.pid)?.pids ?? [];
    return pids.map(processEntry).filter((entry) => entry !== undefined);
  }

  /** Files and folders in its temporary folder. */
  temporaryFiles(): string[] {
    return this.#folder.left();
  }

  /** SIGTERM, as a user stops it. */
  async stop(): Promise<StackEnd> {
    const known = this.#known();
    await this.api.close();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMs);
    const end = await this.#ended;
    clearTimeout(timer);
    return { ...end, left: [...(await leftProcesses(known, this.#folder.temporary, 0)), ...this.#folder.left()] };
  }

  /** SIGKILL: it can do nothing any more. Its temporary folder is not looked at, for nobody was left to empty it. */
  async kill(): Promise<StackEnd> {
    const known = this.#known();
    await this.api.close();
    this.#child.kill('SIGKILL');
    const end = await this.#ended;
    return { ...end, left: await leftProcesses(known, this.#folder.temporary, settleMs) };
  }
}

/** Where a stack keeps its data: survives the stack, so that another one can be started on it. */
export class StackFolder {
  readonly #path = mkdtempSync(join(tmpdir(), 'ebbwhisk-e2e-'));
  readonly #onExit = () => this.remove();
  readonly data = join(this.#path, 'data');
  /** TMPDIR of the stack. */
  readonly temporary: string;

  /** With `temporary` it shares that of another stack. */
  constructor(temporary?: string) {
    this.temporary = temporary ?? join(this.#path, 'tmp');
    mkdirSync(this.temporary, { recursive: true });
    process.once('exit', this.#onExit);
  }

  left(): string[] {
    return readdirSync(this.temporary, { recursive: true }).map((name) => `file ${join(this.temporary, String(name))}`);
  }

  remove(): void {
    process.off('exit', this.#onExit);
    rmSync(this.#path, { recursive: true, force: true });
  }
}

export async function startStack(folder: StackFolder, options: StackOptions): Promise<RunningStack> {
  const {
    tender,
    target = 'libos',
    memoryMb = 2048,
    gatewayPorts = [],
    logLevel = 'warn',
    env = {},
    snapshotMb,
    port = 0,
  } = options;
  const args = [
    join(rootFolder, 'controller-adapter/src/standalone.ts'),
    '--port',
    String(port),
    '--data-dir',
    folder.data,
  ];
  args.push('--tender', tender, '--target', target, '--memory', String(memoryMb), '--log-level', logLevel);
  if (snapshotMb !== undefined) args.push('--snapshots', String(snapshotMb));
  for (const each of gatewayPorts) args.push('--gateway-port', String(each));
  const child = spawn(process.execPath, args, {
    cwd: rootFolder,
    env: { ...process.env, ...env, TMPDIR: folder.temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test that failed half-way must not leave a stack running.
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  child.once('exit', () => process.off('exit', onExit));
  // Read to its end: a full pipe would stop the stack.
  const log = new StackLog(child.stderr);
  try {
    const url = await readyUrl(child);
    const self = processEntry(child.pid ?? -1);
    if (self === undefined) throw new Error('it ended at once');
    const stack = new RunningStack(folder, child, url, self, log);
    // Else some VMs of a test would boot and others not.
    if (target === 'libos') await templateReady(stack);
    return stack;
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`the stack did not start: ${(error as Error).message}\n${log.tail()}`);
  }
}

function isServer(pid: number): boolean {
  return / serve /.test(commandLine(pid));
}

async function templateReady(stack: RunningStack): Promise<void> {
  for (const end = Date.now() + readyMs; !stack.temporaryFiles().some((file) => file.endsWith('/template-1.sock')); ) {
    if (Date.now() > end) throw new Error('it has no template');
    await new Promise((done) => setTimeout(done, 20));
  }
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`not ready within ${readyMs} ms`)), readyMs);
    child.once('error', reject);
    child.once('exit', (status, signal) => reject(new Error(`it ended with ${status ?? signal}`)));
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const url = /ready at (\S+)\n/.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}

/** Of the processes known before, those still there, and any other of their sessions or with the folder in its command line. */
async function leftProcesses(known: readonly ProcessEntry[], folder: string, waitMs: number): Promise<string[]> {
  const [stack] = known;
  // The stack itself shares its session with whoever started it.
  const sessions = new Set(known.map(({ session }) => session).filter((session) => session !== stack?.session));
  for (const end = Date.now() + waitMs; ; ) {
    const pids = new Set(known.filter(isRunning).map(({ pid }) => pid));
    const left = allProcesses().filter(
      ({ pid, session, state }) =>
        state !== 'Z' && (pids.has(pid) || sessions.has(session) || commandLine(pid).includes(`${folder}/`)),
    );
    const found = [
      ...left.map(({ pid, name, state }) => `process ${pid} ${name} (${state}) ${commandLine(pid)}`),
      ...unixSocketsBelow(folder).map((path) => `socket ${path}`),
    ];
    if (found.length === 0 || Date.now() >= end) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
}
