/**
 * Where the pool's VMs come from: a snapshot of the function (warm), a VM that was prepared ahead, or a new one (cold). And where
 * snapshots of functions come from.
 *
 * Invariant: a snapshot that is refused, or that there is no VM from for whatever other reason, costs time only: the start becomes cold.
 */

import { type BootOptions, type BootVm, type CloneOptions, PreparedVms, type Vm, VmError } from '@ebbwhisk/libos-node';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import { errorText } from './errors.ts';
import { Capture } from './snapshots/capture.ts';
import type { SnapshotCache } from './snapshots/snapshot-cache.ts';
import type { SnapshotKey } from './snapshots/snapshot-key.ts';

export interface VmSourceOptions {
  readonly boot: BootVm;
  /** Clones snapshots of functions; absent: there are none. */
  readonly clone?: (options: CloneOptions) => Promise<Vm>;
  readonly snapshots?: SnapshotCache;
  /** VMs made ahead, at most. */
  readonly prepared: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onCaptured?: (ms: number | undefined) => void;
}

/** What the pool has to say about VMs made ahead. */
export interface Room {
  reserve(memoryMb: number): boolean;
  release(memoryMb: number): void;
  isIdle(): boolean;
}

export interface MadeVm {
  readonly vm: Vm;
  /** It comes from a snapshot of its function. */
  readonly initialised: boolean;
}

/** What of a VmSpec decides here. */
export interface SourceSpec {
  /** Absent: no snapshots of this action. */
  readonly snapshot?: SnapshotKey;
  /** Set for this action alone: its VM cannot have been made ahead. */
  readonly cpuQuotaPercent?: number;
}

export class VmSource {
  readonly #options: VmSourceOptions;
  readonly #prepared: PreparedVms;
  readonly #capture: Capture | undefined;

  constructor(options: VmSourceOptions, room: Room) {
    const { snapshots: cache, clone, clock, log, prepared: size, onCaptured = () => {} } = options;
    this.#options = options;
    this.#capture =
      cache === undefined || clone === undefined ? undefined : new Capture({ cache, clock, log, onCaptured });
    this.#prepared = new PreparedVms({
      make: (each) => (each.functionSnapshot === undefined || clone === undefined ? options.boot(each) : clone(each)),
      size,
      reserve: (memoryMb) => room.reserve(memoryMb),
      release: (memoryMb) => room.release(memoryMb),
      isIdle: () => room.isIdle(),
      now: () => clock.monotonic(),
      onError: (_sort, error) => log.warn({ err: errorText(error) }, 'a VM could not be made ahead'),
    });
  }

  /** A VM that is there already; its memory stays reserved. `asked`: it was asked for this activation before. */
  takePrepared(spec: SourceSpec, options: BootOptions, asked: boolean): MadeVm | undefined {
    if (spec.cpuQuotaPercent !== undefined) return undefined;
    const functionSnapshot = this.#snapshotOf(spec);
    const own: CloneOptions = functionSnapshot === undefined ? options : { ...options, functionSnapshot };
    const vm = this.#prepared.take(sortOf(own), own, asked ? 0 : 1);
    return vm === undefined ? undefined : { vm, initialised: functionSnapshot !== undefined };
  }

  async make(spec: SourceSpec, options: BootOptions): Promise<MadeVm> {
    const { snapshots, clone, boot, log } = this.#options;
    const functionSnapshot = this.#snapshotOf(spec);
    if (functionSnapshot !== undefined && clone !== undefined && spec.snapshot !== undefined) {
      try {
        return { vm: await clone({ ...options, functionSnapshot }), initialised: true };
      } catch (error) {
        if (!(error instanceof VmError) || error.code === 'VM_ABORTED') throw error;
        log.warn({ action: spec.snapshot.action, err: errorText(error) }, 'no warm start');
        if (error.code === 'VM_SNAPSHOT_REFUSED') snapshots?.drop(spec.snapshot, 'it was refused');
      }
    }
    return { vm: await boot(options), initialised: false };
  }

  /** Whether a snapshot of this VM is wanted, some time after its first success. */
  wants({ snapshot }: SourceSpec, { origin }: Vm): boolean {
    return this.#capture !== undefined && snapshot !== undefined && origin === 'template';
  }

  /** One is being taken. */
  get isCapturing(): boolean {
    return this.#capture?.isBusy === true;
  }

  /** False when `signal` came between, and it may be tried again. Never rejects. */
  async capture({ snapshot }: SourceSpec, vm: Vm, signal: AbortSignal): Promise<boolean> {
    return snapshot === undefined || this.#capture === undefined || this.#capture.take(snapshot, vm, signal);
  }

  /** How the first activation of a VM from a snapshot went. */
  judge({ snapshot }: SourceSpec, verdict: 'worked' | 'failed' | 'fatal'): void {
    if (snapshot === undefined) return;
    if (verdict === 'worked') this.#options.snapshots?.worked(snapshot);
    else this.#options.snapshots?.struck(snapshot, verdict === 'fatal');
  }

  /** There is a newer revision of the action. */
  retire(action: string, revision: string): void {
    this.#options.snapshots?.dropAction(action, 'the action changed', revision);
  }

  /** Ends VMs made ahead, to make room; tells how much that will be, MiB. */
  shed(memoryMb: number): number {
    return this.#prepared.shed(memoryMb);
  }

  /** There may be time, or room, for VMs made ahead. */
  refill(): void {
    this.#prepared.refill();
  }

  get prepared(): number {
    return this.#prepared.ready;
  }

  async close(): Promise<void> {
    await this.#prepared.close();
    await this.#options.snapshots?.close();
  }

  #snapshotOf({ snapshot }: SourceSpec): string | undefined {
    return snapshot === undefined || this.#capture === undefined ? undefined : this.#options.snapshots?.find(snapshot);
  }
}

/** All else is the same for all VMs of a pool, or follows from these. */
function sortOf({ kind, memoryMb, functionSnapshot }: CloneOptions): string {
  return JSON.stringify([kind, memoryMb, functionSnapshot ?? null]);
}
