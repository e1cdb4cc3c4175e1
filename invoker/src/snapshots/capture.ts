/**
 * Takes snapshots of VMs, one at a time. An activation that comes meanwhile interrupts it, so that it is not delayed; the VM goes on
 * whatever comes of it.
 */

import { type Vm, VmError } from '@ebbwhisk/libos-node';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { errorText } from '../errors.ts';
import type { SnapshotCache } from './snapshot-cache.ts';
import type { SnapshotKey } from './snapshot-key.ts';

export interface CaptureOptions {
  readonly cache: SnapshotCache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onCaptured: (ms: number | undefined) => void;
}

export class Capture {
  readonly #options: CaptureOptions;
  #isBusy = false;

  constructor(options: CaptureOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** False when it was interrupted, and may be tried again. Never rejects. */
  async take(key: SnapshotKey, vm: Vm, signal: AbortSignal): Promise<boolean> {
    const { cache, clock, log, onCaptured } = this.#options;
    const draft = cache.begin(key);
    if (draft === undefined) return true;
    this.#isBusy = true;
    const from = clock.monotonic();
    const facts = { vm: vm.id, action: key.action, namespace: key.namespace };
    try {
      await vm.snapshot(draft.file, signal);
      if (!(await draft.commit())) return true;
      const ms = clock.monotonic() - from;
      onCaptured(ms);
      log.debug({ ...facts, ms }, 'function snapshot taken');
    } catch (error) {
      const isInterrupted = signal.aborted;
      await draft.discard().catch(() => {});
      // A VM that ended meanwhile says nothing about the next one.
      if (error instanceof VmError && error.code === 'VM_ENDED') return true;
      if (isInterrupted) return false;
      cache.failed(key);
      onCaptured(undefined);
      log.info({ ...facts, err: errorText(error) }, 'no function snapshot');
    } finally {
      this.#isBusy = false;
    }
    return true;
  }
}
