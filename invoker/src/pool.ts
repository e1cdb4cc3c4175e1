/**
 * The pool of VMs: who gets which, when one is made, and when one goes.
 *
 * Invariants: the memory limits of all VMs that exist, ending ones included, never exceed the budget; a VM serves one
 * key (invocation namespace, action, revision) for its whole life and at most `concurrency` activations at a time;
 * waiting activations are served strictly in order. Idle VMs go least recently used first when room is needed, after
 * the idle time, and when a newer revision of their action comes. Nobody waits for a snapshot that is taken of a VM. Where VMs come from is
 * vm-source.ts's; VMs made ahead count against the budget and go before any idle one.
 */

import { type BootOptions, type CpuShare, type ExitReport, sharesOf, type Vm } from '@ebbwhisk/libos-node';
import type { CodeCache } from './actions/code-cache.ts';
import { within } from './clock.ts';
import type { RecentLogs } from './container/recent-logs.ts';
import { VmProxy } from './container/vm-proxy.ts';
import { errorText, InvokerError } from './errors.ts';
import type { SnapshotKey } from './snapshots/snapshot-key.ts';
import { type MadeVm, type SourceSpec, VmSource, type VmSourceOptions } from './vm-source.ts';

/** What an activation needs of a VM. */
export interface VmSpec extends SourceSpec {
  /** Invocation namespace and action id. */
  readonly group: string;
  /** The parts of `group`, for people. */
  readonly namespace: string;
  readonly action: string;
  readonly revision: string;
  readonly kind: string;
  readonly memoryMb: number;
  readonly concurrency: number;
  readonly logsMb: number;
  /** Hard limit of this action, percent of one core. */
  readonly cpuQuotaPercent?: number;
  readonly snapshot?: SnapshotKey;
  /** Of V8's code cache; absent: not worth one. */
  readonly codeKey?: string;
  /** Its code is so long that loading it leaves much garbage. */
  readonly isLarge?: boolean;
}

/** The right to run one activation on a VM. */
export interface Lease {
  readonly proxy: VmProxy;
  readonly codeKey: string | undefined;
  /** The first one of its VM. */
  readonly isFirst: boolean;
  /** Milliseconds that it was waited for, without the making of the VM. */
  readonly queueMs: number;
  /** Milliseconds that its VM took to be made, when it was made for this. */
  readonly making: number | undefined;
  /**
   * The activation is answered and only its logs are still to come: the VM will be free in a moment. Who wants it next waits that long instead of
   * having another one made.
   */
  settle(): void;
  /** Gives it back, once. Without `keep` the VM takes nothing more and ends when its last activation is done. */
  release(keep: boolean, result?: 'success' | 'failure'): void;
}

export interface PoolOptions extends VmSourceOptions {
  /** Added to every boot: tender, profile, gateway ports. */
  readonly bootOptions: Pick<BootOptions, 'tender' | 'profile' | 'gatewayPorts'>;
  readonly memoryMb: number;
  /** Cores that all VMs may use together, each its part by memory as a hard limit. Absent: no such limit. */
  readonly cpus?: number;
  readonly idleMs: number;
  readonly codeCache: CodeCache;
  /** How long a VM is idle before a snapshot of its function is taken. */
  readonly captureDelayMs: number;
}

export interface PoolStatus {
  readonly memoryMb: number;
  readonly usedMb: number;
  readonly queued: number;
  /** VMs made ahead, which are no action's yet. */
  readonly prepared: number;
  readonly vms: readonly {
    readonly id: string | undefined;
    readonly namespace: string;
    /** Namespace and name. */
    readonly action: string;
    readonly revision: string;
    readonly state: 'starting' | 'idle' | 'busy' | 'ending';
    readonly active: number;
    /** Activations that it was given and that are done. */
    readonly served: number;
    readonly memoryMb: number;
  }[];
}

/** One VM for whoever manages the invoker. */
export interface ManagedVm {
  readonly vm: Vm;
  readonly logs: RecentLogs;
  /** Ends it at once; an activation in progress fails as if the VM had died. Resolves when nothing of it is left. */
  kill(): Promise<ExitReport>;
}

/** How long a settling VM is waited for: collecting logs takes well under a millisecond, a boot tens of them. */
const kSettleMs = 50;
/** V8's code cache of the longest text, in base64. */
const kMaxCodeBytes = 160 * 1024 * 1024;
const kCodeMs = 10_000;

interface Entry {
  readonly spec: VmSpec;
  /** Settles with the boot. */
  readonly ready: Promise<VmProxy>;
  proxy: VmProxy | undefined;
  /** How long its VM took to be made; told to the activation that it was made for. */
  madeMs: number | undefined;
  /** Nobody has had it yet. */
  isNew: boolean;
  active: number;
  served: number;
  /** Of these, the ones that are answered. */
  settling: number;
  /** An activation went well. */
  succeeded: boolean;
  /** Takes nothing more. */
  doomed: boolean;
  ending: boolean;
  /** Ended and forgotten; its memory is free. */
  gone: boolean;
  idleTimer: NodeJS.Timeout | undefined;
  captureTimer: NodeJS.Timeout | undefined;
  /** Of a snapshot of its function. */
  capture: 'unwanted' | 'wanted' | 'running';
  interruptCapture: (() => void) | undefined;
  /** It came from a snapshot, whose first activation is not done yet. */
  isOnTrial: boolean;
}

interface Waiter {
  readonly spec: VmSpec;
  readonly since: number;
  /** A VM made ahead was asked for already. */
  asked: boolean;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: unknown) => void;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #source: VmSource;
  readonly #entries = new Map<string, Set<Entry>>();
  /** Ready and without activation, the least recently used first. */
  readonly #idle = new Set<Entry>();
  readonly #queue: Waiter[] = [];
  readonly #abortBoots = new AbortController();
  #usedMb = 0;
  #endingMb = 0;
  /** Of VMs made ahead that are on their way out. */
  #sheddingMb = 0;
  #active = 0;
  #closed = false;
  #onQuiet: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#source = new VmSource(options, {
      reserve: (memoryMb) => this.#reserve(memoryMb),
      release: (memoryMb) => {
        this.#usedMb -= memoryMb;
        this.#sheddingMb = Math.max(0, this.#sheddingMb - memoryMb);
        this.#pump();
      },
      isIdle: () => this.#active === 0 && this.#queue.length === 0,
    });
  }

  /**
   * Resolves when a VM of the spec is there, booted but not necessarily initialised. Rejects with the boot's VmError,
   * or with InvokerError POOL_TOO_SMALL or POOL_CLOSED.
   */
  acquire(spec: VmSpec): Promise<Lease> {
    if (this.#closed) return Promise.reject(new InvokerError('POOL_CLOSED'));
    if (spec.memoryMb > this.#options.memoryMb) {
      return Promise.reject(new InvokerError('POOL_TOO_SMALL', `${spec.memoryMb} > ${this.#options.memoryMb} MB`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Lease>();
    this.#queue.push({ spec, since: this.#options.clock.monotonic(), asked: false, resolve, reject });
    this.#pump();
    return promise;
  }

  status(): PoolStatus {
    const vms = [...this.#entries.values()]
      .flatMap((entries) => [...entries])
      .map(
        ({ spec, proxy, active, served, ending }) =>
          ({
            id: proxy?.vm.id,
            namespace: spec.namespace,
            action: spec.action,
            revision: spec.revision,
            state: ending ? 'ending' : proxy === undefined ? 'starting' : active > 0 ? 'busy' : ('idle' as const),
            active,
            served,
            memoryMb: spec.memoryMb,
          }) satisfies PoolStatus['vms'][number],
      );
    return {
      memoryMb: this.#options.memoryMb,
      usedMb: this.#usedMb,
      queued: this.#queue.length,
      prepared: this.#source.prepared,
      vms,
    };
  }

  /** The VM of this id, unless it is still starting or gone. */
  find(id: string): ManagedVm | undefined {
    for (const entry of [...this.#entries.values()].flatMap((entries) => [...entries])) {
      const { proxy } = entry;
      if (proxy?.vm.id !== id) continue;
      const kill = () => {
        this.#options.log.info({ vm: id, action: entry.spec.group, active: entry.active }, 'VM ended on demand');
        this.#end(entry);
        return proxy.vm.exited;
      };
      return { vm: proxy.vm, logs: proxy.recent, kill };
    }
    return undefined;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** VMs made ahead. */
  get prepared(): number {
    return this.#source.prepared;
  }

  get usedMb(): number {
    return this.#usedMb;
  }

  /** Lets what is queued and running finish for at most `drainMs`, then ends every VM. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true;
    if (this.#active > 0 || this.#queue.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onQuiet = resolve;
      await within(promise, drainMs);
    }
    for (const waiter of this.#queue.splice(0)) waiter.reject(new InvokerError('POOL_CLOSED'));
    this.#abortBoots.abort();
    const all = [...this.#entries.values()].flatMap((entries) => [...entries]);
    await Promise.all(
      all.map(async (entry) => {
        const proxy = await entry.ready.catch(() => undefined);
        if (proxy === undefined) return;
        this.#end(entry);
        await proxy.vm.exited;
      }),
    );
    await this.#source.close();
  }

  #pump(): void {
    for (let head = this.#queue[0]; head !== undefined && this.#place(head); head = this.#queue[0]) this.#queue.shift();
    if (this.#active === 0 && this.#queue.length === 0) this.#onQuiet?.();
  }

  /** True when the waiter was served (or will be, by a VM that is starting). */
  #place(waiter: Waiter): boolean {
    const { spec } = waiter;
    const entry = this.#match(spec) ?? (this.#isSettling(spec) ? undefined : this.#make(waiter));
    if (entry === undefined) return false;
    this.#wake(entry);
    entry.active += 1;
    this.#active += 1;
    if (entry.proxy !== undefined) waiter.resolve(this.#lease(entry, entry.proxy, waiter));
    else {
      entry.ready.then(
        (proxy) => waiter.resolve(this.#lease(entry, proxy, waiter)),
        (error: unknown) => {
          this.#active -= 1;
          waiter.reject(error);
          this.#pump();
        },
      );
    }
    return true;
  }

  #match(spec: VmSpec): Entry | undefined {
    const entries = this.#entries.get(spec.group);
    if (entries === undefined) return undefined;
    let found: Entry | undefined;
    for (const entry of entries) {
      if (entry.doomed || entry.active >= entry.spec.concurrency) continue;
      if (entry.spec.revision === spec.revision) {
        // Ready ones first; then the busiest, so that others can become idle and go.
        if (found === undefined || rank(entry) > rank(found)) found = entry;
      }
    }
    return found;
  }

  /** A VM of the spec is full, but will not be in a moment. */
  #isSettling(spec: VmSpec): boolean {
    for (const entry of this.#entries.get(spec.group) ?? []) {
      if (!entry.doomed && entry.settling > 0 && entry.spec.revision === spec.revision) return true;
    }
    return false;
  }

  #make(waiter: Waiter): Entry | undefined {
    const { spec } = waiter;
    this.#retireOlderRevisions(spec);
    const options = this.#bootOptions(spec);
    const prepared = this.#source.takePrepared(spec, options, waiter.asked);
    waiter.asked = true;
    if (prepared === undefined && !this.#makeRoom(spec.memoryMb)) return undefined;
    const { promise: ready, resolve, reject } = Promise.withResolvers<VmProxy>();
    const entry: Entry = {
      spec,
      ready,
      proxy: undefined,
      madeMs: undefined,
      isNew: true,
      active: 0,
      served: 0,
      settling: 0,
      succeeded: false,
      doomed: false,
      ending: false,
      gone: false,
      idleTimer: undefined,
      captureTimer: undefined,
      capture: 'unwanted',
      interruptCapture: undefined,
      isOnTrial: false,
    };
    const siblings = this.#entries.get(spec.group);
    if (siblings === undefined) this.#entries.set(spec.group, new Set([entry]));
    else siblings.add(entry);
    this.#start(entry, options, prepared).then(resolve, reject);
    ready.catch(() => this.#forget(entry));
    return entry;
  }

  /** True when that much is reserved now; else it will be free in a moment, or there is nothing to end. */
  #makeRoom(memoryMb: number): boolean {
    const freeMb = this.#options.memoryMb - this.#usedMb;
    if (memoryMb <= freeMb) {
      this.#usedMb += memoryMb;
      return true;
    }
    const missingMb = memoryMb - freeMb - this.#endingMb - this.#sheddingMb;
    if (missingMb <= 0) return false;
    const shedMb = this.#source.shed(missingMb);
    this.#sheddingMb += shedMb;
    if (shedMb < missingMb) this.#evict(missingMb - shedMb);
    return false;
  }

  /** For a VM made ahead: only what nobody waits for. */
  #reserve(memoryMb: number): boolean {
    if (this.#closed || this.#queue.length > 0 || this.#usedMb + memoryMb > this.#options.memoryMb) return false;
    this.#usedMb += memoryMb;
    return true;
  }

  #bootOptions(spec: VmSpec): BootOptions {
    const { kind, memoryMb } = spec;
    const { signal } = this.#abortBoots;
    return { ...this.#options.bootOptions, kind, memoryMb, cpu: this.#cpuShare(spec), signal };
  }

  async #start(entry: Entry, options: BootOptions, prepared: MadeVm | undefined): Promise<VmProxy> {
    const { spec } = entry;
    const { log, clock } = this.#options;
    const from = clock.monotonic();
    const { vm, initialised } = prepared ?? (await this.#source.make(spec, options));
    entry.madeMs = clock.monotonic() - from;
    log.debug({ vm: vm.id, action: spec.group, origin: vm.origin, ms: entry.madeMs }, 'VM made');
    const proxy = new VmProxy(vm, { ...spec, initialised });
    entry.proxy = proxy;
    entry.isOnTrial = initialised;
    if (!initialised && this.#source.wants(spec, vm)) entry.capture = 'wanted';
    void vm.exited.then((report) => {
      if (!entry.ending) log.info({ vm: vm.id, action: spec.group, report }, 'VM ended by itself');
      this.#forget(entry);
      this.#pump();
    });
    return proxy;
  }

  /** As OpenWhisk's invoker gives it to containers: by memory. The quota is the action's own, or its part of `cpus`. */
  #cpuShare({ memoryMb, cpuQuotaPercent }: VmSpec): CpuShare {
    const { cpus, memoryMb: poolMb } = this.#options;
    const shares = sharesOf(memoryMb, poolMb);
    const part = cpus === undefined ? undefined : Math.max(1, (100 * cpus * memoryMb) / poolMb);
    const quotas = [cpuQuotaPercent, part].filter((quota) => quota !== undefined);
    return quotas.length === 0 ? { shares } : { shares, quotaPercent: Math.min(...quotas) };
  }

  #lease(entry: Entry, proxy: VmProxy, { since }: Waiter): Lease {
    const isFirst = entry.isNew;
    entry.isNew = false;
    const making = entry.madeMs;
    entry.madeMs = undefined;
    const queueMs = Math.max(0, this.#options.clock.monotonic() - since - (making ?? 0));
    let released = false;
    let settling: NodeJS.Timeout | undefined;
    const settled = () => {
      if (settling === undefined) return;
      clearTimeout(settling);
      settling = undefined;
      entry.settling -= 1;
    };
    return {
      proxy,
      codeKey: entry.spec.codeKey,
      isFirst,
      queueMs,
      making,
      settle: () => {
        if (released || settling !== undefined) return;
        entry.settling += 1;
        settling = setTimeout(() => {
          settled();
          this.#pump();
        }, kSettleMs);
      },
      release: (keep, result) => {
        if (released) return;
        released = true;
        settled();
        this.#judge(entry, keep, result);
        entry.active -= 1;
        entry.served += 1;
        this.#active -= 1;
        if (!keep) entry.doomed = true;
        if (entry.active === 0) this.#rest(entry);
        this.#pump();
      },
    };
  }

  /** The entry has no activation any more. */
  #rest(entry: Entry): void {
    const siblings = [...(this.#entries.get(entry.spec.group) ?? [])];
    if (entry.doomed || siblings.some(({ spec }) => isNewer(spec.revision, entry.spec.revision))) {
      this.#end(entry);
      return;
    }
    this.#idle.add(entry);
    entry.idleTimer = setTimeout(() => this.#end(entry), this.#options.idleMs);
    entry.idleTimer.unref();
    if (entry.capture === 'wanted' && entry.succeeded) this.#captureLater(entry);
    else if (entry.succeeded && this.#wantsCode(entry)) this.#makeCodeLater(entry);
    this.#source.refill();
  }

  /** It is idle no more. */
  #wake(entry: Entry): void {
    this.#idle.delete(entry);
    clearTimeout(entry.idleTimer);
    clearTimeout(entry.captureTimer);
    entry.interruptCapture?.();
  }

  #captureLater(entry: Entry): void {
    entry.captureTimer = setTimeout(() => {
      if (!this.#idle.has(entry)) return;
      // Who waits needs the processor more, and perhaps the memory of this very VM.
      if (this.#source.isCapturing || this.#queue.length > 0) this.#captureLater(entry);
      else void this.#capture(entry);
    }, this.#options.captureDelayMs);
    entry.captureTimer.unref();
  }

  /** Whoever wants the VM meanwhile interrupts it: no answer is to come later for it. */
  async #capture(entry: Entry): Promise<void> {
    const { proxy } = entry;
    if (proxy === undefined) return;
    const interrupt = new AbortController();
    entry.capture = 'running';
    entry.interruptCapture = () => interrupt.abort();
    if (entry.spec.isLarge) await proxy.collectGarbage();
    // Who came meanwhile has a connection that is in use.
    if (!interrupt.signal.aborted) await proxy.disconnect();
    const done = await this.#source.capture(entry.spec, proxy.vm, interrupt.signal);
    entry.interruptCapture = undefined;
    entry.capture = done ? 'unwanted' : 'wanted';
    if (!done && this.#idle.has(entry)) this.#captureLater(entry);
  }

  /** Only where no snapshot will be: that has the compiled code in it. */
  #wantsCode({ spec, capture }: Entry): boolean {
    return capture === 'unwanted' && spec.codeKey !== undefined && !this.#options.codeCache.has(spec.codeKey);
  }

  #makeCodeLater(entry: Entry): void {
    entry.captureTimer = setTimeout(() => {
      const { proxy, spec } = entry;
      if (!this.#idle.has(entry) || this.#queue.length > 0 || proxy === undefined || spec.codeKey === undefined) return;
      void this.#makeCode(proxy, spec.codeKey);
    }, this.#options.captureDelayMs);
    entry.captureTimer.unref();
  }

  async #makeCode(proxy: VmProxy, key: string): Promise<void> {
    const limits = { maxBytes: kMaxCodeBytes, truncationBytes: 0 };
    const reply = await proxy.post('/code-cache', '', kCodeMs, limits);
    if (reply.kind !== 'response' || reply.status !== 200 || reply.truncated !== undefined) return;
    const [, data = ''] = /^\{"data":"([\w+/=]+)"\}$/.exec(reply.body) ?? [];
    // An empty one is remembered, too: it will not become another.
    this.#options.codeCache.put(key, Buffer.from(data, 'base64'));
  }

  /** Of the VM's first activation depends whether its snapshot is good, or whether there is to be one. */
  #judge(entry: Entry, keep: boolean, result: 'success' | 'failure' | undefined): void {
    if (result === 'success') entry.succeeded = true;
    if (!entry.isOnTrial || result === undefined) return;
    entry.isOnTrial = false;
    this.#source.judge(entry.spec, result === 'success' ? 'worked' : keep ? 'failed' : 'fatal');
  }

  #retireOlderRevisions(spec: VmSpec): void {
    if ([...(this.#entries.get(spec.group) ?? [])].some((entry) => isNewer(spec.revision, entry.spec.revision))) {
      this.#source.retire(spec.action, spec.revision);
    }
    for (const entry of this.#entries.get(spec.group) ?? []) {
      if (entry.doomed || !isNewer(spec.revision, entry.spec.revision)) continue;
      entry.doomed = true;
      if (this.#idle.has(entry)) this.#end(entry);
    }
  }

  /** Ends idle VMs of together at least `mb`, if there are so many. */
  #evict(mb: number): void {
    const victims: Entry[] = [];
    let found = 0;
    // Those last of whose functions there will be a snapshot in a moment.
    const isSoon = (entry: Entry) => entry.capture === 'wanted' && entry.succeeded;
    const all = [...this.#idle];
    for (const entry of [...all.filter((each) => !isSoon(each)), ...all.filter(isSoon)]) {
      if (found >= mb) break;
      victims.push(entry);
      found += entry.spec.memoryMb;
    }
    if (found >= mb) for (const entry of victims) this.#end(entry);
  }

  #end(entry: Entry): void {
    if (entry.ending || entry.gone || entry.proxy === undefined) return;
    entry.doomed = true;
    entry.ending = true;
    this.#endingMb += entry.spec.memoryMb;
    this.#wake(entry);
    entry.proxy.end().catch((error: unknown) => {
      this.#options.log.error({ vm: entry.proxy?.vm.id, err: errorText(error) }, 'ending a VM failed');
    });
  }

  /** The VM is gone (or never came): its memory is free. */
  #forget(entry: Entry): void {
    const entries = this.#entries.get(entry.spec.group);
    if (!entries?.delete(entry)) return;
    if (entries.size === 0) this.#entries.delete(entry.spec.group);
    entry.gone = true;
    entry.doomed = true;
    this.#wake(entry);
    this.#usedMb -= entry.spec.memoryMb;
    if (entry.ending) this.#endingMb -= entry.spec.memoryMb;
  }
}

function rank(entry: Entry): number {
  return (entry.proxy === undefined ? 0 : 1_000_000) + entry.active;
}

/** Revisions begin with a generation (`12-abc`). A late message for an old one must not drive out the new one's VMs. */
function isNewer(revision: string, than: string): boolean {
  return revision !== than && generation(revision) > generation(than);
}

function generation(revision: string): number {
  const digits = /^\d{1,15}/.exec(revision)?.[0];
  return digits === undefined ? 0 : Number(digits);
}
