/**
 * VMs by cloning instead of booting: a template server per kind, profile, memory limit and environment, started when the first VM of its
 * sort is asked for and again when it died. `clone` waits for its template; `start` takes what is quicker and always has a VM in the end.
 *
 * Invariant: at most maxServers servers, and none of them ends while a VM of it lives. A template that failed is not tried again at once.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { VmError, type VmErrorCode } from '../errors.ts';
import { checkExposure } from '../exposure.ts';
import { kvmRefusal } from '../kvm.ts';
import { templatesFolder } from '../paths.ts';
import type { BootOptions, CloneOptions, TenderKind, Vm } from '../vm.ts';
import { niceOf } from './cpu-groups.ts';
import { createBootLibos, defaultSettings, imageFor, type LibosSettings } from './libos-vm.ts';
import { TemplateFiles } from './template-files.ts';
import { type TemplateOptions, TemplateServer } from './template-server.ts';

/** Something to log. `template` names its sort. */
export type TemplateEvent =
  /** `made`: it booted for it, and there is a file from now on. */
  | { readonly what: 'ready'; readonly template: string; readonly made: boolean; readonly ms: number }
  /** There is none: VMs boot, until it is tried again. */
  | { readonly what: 'failed'; readonly template: string; readonly code: VmErrorCode; readonly detail: string }
  /** A server died, and with it `clones` VMs. The next VM starts another one. */
  | { readonly what: 'ended'; readonly template: string; readonly clones: number }
  /** A VM could not be cloned and booted instead. */
  | { readonly what: 'booted'; readonly template: string; readonly code: VmErrorCode; readonly detail: string };

export interface TemplatesSettings extends Partial<LibosSettings> {
  /** Where the snapshots lie; they outlive this process. */
  readonly folder?: string;
  readonly maxServers?: number;
  /** How long start() waits for a template whose file is there, before it boots. */
  readonly patienceMs?: number;
  readonly onEvent?: (event: TemplateEvent) => void;
}

const defaultMaxServers = 8;
/** A server takes a tenth of a second from the file; a VM that boots meanwhile is no quicker. */
const defaultPatienceMs = 500;
const firstPauseMs = 10_000;
const longestPauseMs = 600_000;

interface Failure {
  readonly pauseMs: number;
  readonly until: number;
}

export class Templates {
  readonly #settings: LibosSettings;
  readonly #files: TemplateFiles;
  readonly #maxServers: number;
  readonly #patienceMs: number;
  readonly #onEvent: (event: TemplateEvent) => void;
  readonly #boot: (options: BootOptions) => Promise<Vm>;
  /** By sort, the least recently used first. */
  readonly #servers = new Map<string, TemplateServer>();
  readonly #failures = new Map<string, Failure>();
  #isClosed = false;

  constructor(settings: TemplatesSettings = {}) {
    const {
      folder = templatesFolder,
      maxServers = defaultMaxServers,
      patienceMs = defaultPatienceMs,
      onEvent = () => {},
      ...overrides
    } = settings;
    this.#settings = { ...defaultSettings, ...overrides };
    this.#files = new TemplateFiles(folder);
    this.#maxServers = maxServers;
    this.#patienceMs = patienceMs;
    this.#onEvent = onEvent;
    this.#boot = createBootLibos(overrides);
  }

  /**
   * As bootLibos, by a clone. A VM that is traced or debugged is booted: that begins with its life, and is refused
   * (VM_SNAPSHOT_REFUSED) when it was to go on from a function's snapshot.
   */
  readonly clone = async (options: CloneOptions): Promise<Vm> => {
    if (!canBeCloned(options)) {
      if (options.functionSnapshot === undefined) return this.#boot(options);
      throw new VmError('VM_SNAPSHOT_REFUSED', 'such a VM cannot be cloned');
    }
    checkExposure(options);
    const server = this.#serverFor(options);
    if (server === undefined) throw new VmError('VM_TEMPLATE_FAILED', 'too many templates are in use');
    return server.clone(options);
  };

  /**
   * As bootLibos, by a clone when one can be had now. Else the VM boots, and a template for the next one is prepared. Whatever is wrong
   * with templates is told by onEvent and costs time only.
   */
  readonly start = (options: BootOptions): Promise<Vm> => this.#start(options, true);

  /** The same, but makes no template that is not there: for a VM that will have no siblings. */
  readonly startAlone = (options: BootOptions): Promise<Vm> => this.#start(options, false);

  /** Resolves when clones of such VMs can be had. */
  async prepare(options: BootOptions): Promise<void> {
    if (canBeCloned(options)) await this.#serverFor(options)?.ready;
  }

  /** Ends all servers, and with them all VMs that were cloned here. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
  }

  async #start(options: BootOptions, prepare: boolean): Promise<Vm> {
    if (!canBeCloned(options)) return this.#boot(options);
    checkExposure(options);
    const { file } = this.#describe(options);
    const server = prepare || this.#files.has(file) ? await this.#serverNow(options, file) : undefined;
    if (server !== undefined) {
      try {
        return await server.clone(options);
      } catch (error) {
        if (!(error instanceof VmError) || error.code === 'VM_ABORTED' || this.#isClosed) throw error;
        this.#onEvent({ what: 'booted', template: sortOf(file), code: error.code, detail: error.message });
      }
    }
    return this.#boot(options);
  }

  /** One that is ready, or will be sooner than a VM that boots. */
  async #serverNow(options: BootOptions, file: string): Promise<TemplateServer | undefined> {
    const failure = this.#failures.get(file);
    if (failure !== undefined && this.#settings.now() < failure.until) return undefined;
    const isKept = this.#files.has(file);
    const server = this.#serverFor(options);
    if (server === undefined || server.isReady || !isKept) return server?.isReady === true ? server : undefined;
    await untilReady(server, this.#patienceMs, options.signal);
    if (options.signal?.aborted === true) throw new VmError('VM_ABORTED');
    return server.isReady ? server : undefined;
  }

  /** Undefined when there are too many. */
  #serverFor(options: BootOptions): TemplateServer | undefined {
    if (this.#isClosed) throw new VmError('VM_TEMPLATE_FAILED', 'the host is ending');
    const template = this.#describe(options);
    const { file } = template;
    const known = this.#servers.get(file);
    if (known !== undefined) {
      this.#servers.delete(file);
      this.#servers.set(file, known);
      return known;
    }
    if (!this.#makeRoom()) return undefined;
    return this.#serve(template);
  }

  #serve(template: TemplateOptions): TemplateServer {
    const { file } = template;
    const sort = sortOf(file);
    const wasKept = this.#files.has(file);
    const from = this.#settings.now();
    this.#files.prepare(file);
    const server = new TemplateServer(template, this.#settings);
    this.#servers.set(file, server);
    server.ready.then(
      () => {
        this.#failures.delete(file);
        this.#files.touch(file);
        this.#onEvent({ what: 'ready', template: sort, made: !wasKept, ms: Math.round(this.#settings.now() - from) });
      },
      (error: unknown) => {
        if (this.#isClosed) return;
        const pauseMs = Math.min(longestPauseMs, 2 * (this.#failures.get(file)?.pauseMs ?? firstPauseMs / 2));
        this.#failures.set(file, { pauseMs, until: this.#settings.now() + pauseMs });
        const { code, message } = error as VmError;
        this.#onEvent({ what: 'failed', template: sort, code, detail: message });
      },
    );
    server.ended.then(() => {
      const wasOurs = this.#servers.get(file) === server;
      if (wasOurs) this.#servers.delete(file);
      if (wasOurs && !this.#isClosed && server.wasReady) {
        this.#onEvent({ what: 'ended', template: sort, clones: server.clones });
      }
    });
    return server;
  }

  /** Ends a server without VMs if there are too many. */
  #makeRoom(): boolean {
    if (this.#servers.size < this.#maxServers) return true;
    for (const [file, server] of this.#servers) {
      if (server.clones > 0 || !server.isReady) continue;
      this.#servers.delete(file);
      void server.close();
      return true;
    }
    return false;
  }

  #describe(options: BootOptions): TemplateOptions {
    const { memoryMb, env = {}, cpu } = options;
    const tender = tenderOf(options.tender);
    const image = imageFor(options, this.#settings);
    const environment = Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
    const digest = createHash('sha256').update(JSON.stringify(environment)).digest('hex').slice(0, 16);
    const file = `${basename(image, '.ebbimage')}-${tender}-${memoryMb}-${digest}.snapshot`;
    const byPriority = cpu !== undefined && !this.#settings.cpuGroups().method.startsWith('cgroup');
    const nice = byPriority ? { nice: niceOf(memoryMb) } : {};
    return { image, tender, memoryMb, env: environment, file, folder: this.#files.folder, ...nice };
  }
}

/** `nodejs-24-bypass-kvm-256`: the rest of the name is a digest of the environment. */
function sortOf(file: string): string {
  return file.replace(/-[0-9a-f]{16}\.snapshot$/, '');
}

async function untilReady(server: TemplateServer, patienceMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patienceMs);
  server.ready.then(resolve, () => resolve());
  const onAbort = () => resolve();
  signal?.addEventListener('abort', onAbort, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener('abort', onAbort);
}

function canBeCloned({ onTrace, inspect }: BootOptions): boolean {
  return onTrace === undefined && inspect === undefined;
}

function tenderOf(tender: TenderKind = 'auto'): 'kvm' | 'process' {
  if (tender !== 'auto') return tender;
  return kvmRefusal() === undefined ? 'kvm' : 'process';
}
