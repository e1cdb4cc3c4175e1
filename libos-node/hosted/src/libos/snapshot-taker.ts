/**
 * Taking a snapshot of a clone: its broker parks the guest, its server reads the guest's memory, the guest goes on, the server writes
 * the file and gives it its name when it hears that the guest was parked for as long as it was read.
 *
 * Invariant: the guest goes on in any case (its broker sees to that if this process does not), at once when the taking is interrupted, and a
 * file has its name only when it is whole.
 */
import { VmError } from '../errors.ts';
import { frameTypes } from './frames.ts';
import type { TenderLink } from './tender-process.ts';

/** How long the guest has to come to rest, and then how long it may be read. */
const restMs = 1_000;
const holdMs = 2_000;

export class SnapshotTaker {
  readonly #tender: TenderLink;
  #isBusy = false;
  #onParked: ((state: Uint8Array | undefined) => void) | undefined;
  #onResumed: ((wasHeld: boolean) => void) | undefined;

  constructor(tender: TenderLink) {
    this.#tender = tender;
  }

  /** Interrupted by `signal`, it lets the guest go on at once and rejects; when the guest goes on already, it is completed. */
  async take(file: string, signal?: AbortSignal): Promise<void> {
    const { capture } = this.#tender;
    if (capture === undefined) throw new VmError('VM_NO_SNAPSHOT');
    if (this.#isBusy) throw new VmError('VM_SNAPSHOT_FAILED', 'another one is being taken');
    this.#isBusy = true;
    let isInterrupted = signal?.aborted === true;
    let resumed: Promise<boolean> | undefined;
    let resume: (() => Promise<boolean>) | undefined;
    const onAbort = (): void => {
      if (resumed !== undefined) return;
      isInterrupted = true;
      void resume?.();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const state = await this.#park();
      if (state === undefined)
        throw new VmError('VM_SNAPSHOT_FAILED', `the guest did not come to rest in ${restMs} ms`);
      const goOn = async (): Promise<boolean> => {
        resumed ??= this.#resume();
        return (await resumed) && !isInterrupted;
      };
      resume = goOn;
      try {
        if (isInterrupted) throw new VmError('VM_SNAPSHOT_FAILED', 'interrupted');
        await capture.call(this.#tender, file, state, goOn);
      } finally {
        await goOn();
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#isBusy = false;
    }
  }

  /** A PARKED frame: nothing in it when the guest did not come to rest. */
  parked(payload: Uint8Array): void {
    this.#onParked?.(payload.length === 0 ? undefined : Uint8Array.from(payload));
  }

  resumed(payload: Uint8Array): void {
    this.#onResumed?.(payload[0] === 1);
  }

  /** The VM has ended: nobody answers any more. */
  end(): void {
    this.#onParked?.(undefined);
    this.#onResumed?.(false);
  }

  #park(): Promise<Uint8Array | undefined> {
    const request = Buffer.alloc(8);
    request.writeUInt32LE(restMs, 0);
    request.writeUInt32LE(holdMs, 4);
    return new Promise((resolve) => {
      this.#onParked = resolve;
      this.#tender.send(frameTypes.park, request);
    });
  }

  #resume(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#onResumed = resolve;
      this.#tender.send(frameTypes.resume);
    });
  }
}
