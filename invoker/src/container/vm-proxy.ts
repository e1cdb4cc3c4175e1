/**
 * One live VM as the invoker uses it: its HTTP client, its log lines, whether it was initialised, and why it ended.
 * It takes no decisions about reuse or lifetime; those are the pool's.
 */

import type { ExitReport, Vm, VmCost } from '@ebbwhisk/libos-node';
import { within } from '../clock.ts';
import { LogCollector } from './log-collector.ts';
import { RecentLogs } from './recent-logs.ts';
import { type ResponseLimits, VmClient, type VmPath, type VmReply } from './vm-client.ts';

/** A broken connection nearly always means a dying VM; this long its exit report is waited for. */
const kExitReportMs = 2_000;

const kCollectMs = 5_000;

/** The activation's record waits for it. */
const kCostMs = 250;

export interface CollectedLogs {
  readonly lines: string[];
  /** False when some may be missing. */
  readonly complete: boolean;
}

export interface VmProxyOptions {
  readonly concurrency: number;
  readonly logsMb: number;
  /** It needs no /init. */
  readonly initialised: boolean;
}

export class VmProxy {
  readonly vm: Vm;
  /** For whoever looks at the VM; activations have their own. */
  readonly recent = new RecentLogs();
  readonly #client: VmClient;
  readonly #logs: LogCollector;
  readonly #stopLogs: () => void;
  #hasCollected = false;
  #exit: ExitReport | undefined;
  /** Undefined until somebody takes up the initialisation; false when it failed. */
  #initialised: Promise<boolean> | undefined;

  constructor(vm: Vm, options: VmProxyOptions) {
    this.vm = vm;
    this.#client = new VmClient(vm.socketPath, options.concurrency);
    this.#logs = new LogCollector(options.logsMb);
    if (options.initialised) this.#initialised = Promise.resolve(true);
    this.#stopLogs = vm.onLog((record) => {
      this.#logs.add(record);
      this.recent.add(record);
    });
    void vm.exited.then((report) => {
      this.#exit = report;
      this.recent.close();
      return this.#client.close();
    });
  }

  get initialised(): Promise<boolean> | undefined {
    return this.#initialised;
  }

  /** The caller initialises this VM; the others wait for the returned function to be called with the outcome. */
  claimInit(): (ok: boolean) => void {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#initialised = promise;
    return resolve;
  }

  post(path: VmPath, body: string | Buffer, timeoutMs: number, limits: ResponseLimits): Promise<VmReply> {
    return this.#client.post(path, body, timeoutMs, limits);
  }

  /** After a lost connection: why. Ends a VM that lives on, for nothing can be known of its state. */
  async whyLost(): Promise<ExitReport | undefined> {
    const report = this.#exit ?? (await within(this.vm.exited, kExitReportMs));
    if (report === undefined) void this.vm.end();
    return report;
  }

  /** The log lines since the last call, complete up to the VM's last answer (or its end) if that can be had within `flushMs`. */
  async takeLogs(flushMs: number): Promise<CollectedLogs> {
    // When a VM has ended there is nothing left to wait for, whatever flushLogs says.
    const flushed = await within(
      this.vm.flushLogs().then(
        () => true,
        () => this.#exit !== undefined,
      ),
      flushMs,
    );
    return { lines: this.#logs.take(), complete: flushed === true };
  }

  /** In front of a snapshot of it. Once: what comes later is little, and who asks for the VM meanwhile waits. Never rejects. */
  async collectGarbage(): Promise<void> {
    if (this.#hasCollected) return;
    this.#hasCollected = true;
    await this.post('/collect', '', kCollectMs, { maxBytes: 1024, truncationBytes: 0 });
  }

  /**
   * Closes the connection, in front of a snapshot: in each VM that comes from one, an open connection is reset before anything else, which
   * costs more than a run.
   */
  disconnect(): Promise<void> {
    return this.#client.disconnect();
  }

  /** What the VM has cost until now; undefined when it does not say so in time. Never rejects. */
  async cost(): Promise<VmCost | undefined> {
    const cost = await within(
      this.vm.cost().catch(() => undefined),
      kCostMs,
    );
    return cost?.faults === undefined && cost?.exits === undefined ? undefined : cost;
  }

  async end(): Promise<ExitReport> {
    const report = await this.vm.end();
    this.#stopLogs();
    await this.#client.close();
    return report;
  }
}
