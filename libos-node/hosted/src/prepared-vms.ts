/**
 * VMs made before they are asked for: so many, of the sorts that are asked for, made one at a time when there is nothing better to do.
 *
 * Invariants: never more than `size` VMs, those being made included; each has room that `reserve` gave, which is given back by `release` when it
 * has ended here, or goes with it to whoever takes it. A VM is handed out once, and only for the very options that it was made with. How
 * many of a sort there are follows the most that were taken within a second lately (it halves every minute). Left out: which options
 * make a sort; that is whoever calls take().
 */
import { VmError } from './errors.ts';
import type { CloneOptions, Vm } from './vm.ts';

export interface PreparedVmsOptions {
  readonly make: (options: CloneOptions) => Promise<Vm>;
  /** The most VMs, all sorts together. */
  readonly size: number;
  /** Room for a VM of so many MiB; false: not now. */
  readonly reserve?: (memoryMb: number) => boolean;
  /** One that was not taken is no more. */
  readonly release?: (memoryMb: number) => void;
  /** Nothing else waits for the processor. Without it, there is always time. */
  readonly isIdle?: () => boolean;
  readonly now?: () => number;
  /** Making one failed: its sort is left alone until it is asked for again. */
  readonly onError?: (sort: string, error: unknown) => void;
}

interface Sort {
  readonly key: string;
  readonly options: CloneOptions;
  /** The oldest first. */
  readonly ready: Vm[];
  making: number;
  failed: boolean;
  /** Most takes within a second, as it was when the last such second ended. */
  peak: number;
  windowFrom: number;
  inWindow: number;
}

const windowMs = 1_000;
const halfLifeMs = 60_000;
/** A sort whose peak has sunk below this is forgotten. */
const forgetBelow = 0.5;

export class PreparedVms {
  readonly #options: PreparedVmsOptions;
  readonly #now: () => number;
  readonly #sorts = new Map<string, Sort>();
  readonly #ending = new Set<Promise<unknown>>();
  readonly #abort = new AbortController();
  #making = 0;
  #isClosed = false;

  constructor(options: PreparedVmsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** VMs that wait to be taken. */
  get ready(): number {
    return this.#sum((sort) => sort.ready.length);
  }

  /** VMs of this sort are wanted, as if `count` had just been taken. */
  expect(key: string, options: CloneOptions, count = 1): void {
    this.#demand(key, options, count);
    this.refill();
  }

  /**
   * One that was made with `options`, which `key` stands for: no two different options may have the same. Undefined when there is none;
   * there will be one the next time, if there is room. `count` 0: asked again, for the same purpose.
   */
  take(key: string, options: CloneOptions, count = 1): Vm | undefined {
    if (this.#options.size === 0 || this.#isClosed) return undefined;
    const sort = this.#demand(key, options, count);
    sort.failed = false;
    const vm = sort.ready.shift();
    // Not before the taker has gone on.
    setImmediate(() => this.refill());
    return vm;
  }

  /** Ends VMs until so many MiB will be free, those of the least asked sorts first; tells how many MiB that will be. */
  shed(memoryMb: number): number {
    let freed = 0;
    const sorts = [...this.#sorts.values()].sort((a, b) => this.#peakOf(a) - this.#peakOf(b));
    for (const sort of sorts) {
      while (freed < memoryMb && sort.ready.length > 0) {
        this.#end(sort);
        freed += sort.options.memoryMb;
      }
    }
    return freed;
  }

  /** No VM of these sorts is wanted any more. */
  forget(isUnwanted: (key: string) => boolean): void {
    for (const [key, sort] of this.#sorts) {
      if (!isUnwanted(key)) continue;
      this.#sorts.delete(key);
      while (sort.ready.length > 0) this.#end(sort);
    }
  }

  /** Makes what is missing. To be called when there is time again. */
  refill(): void {
    if (this.#isClosed) return;
    const targets = this.#targets();
    for (const [sort, target] of targets) while (sort.ready.length > target) this.#end(sort);
    if (this.#making > 0) return;
    const isIdle = this.#options.isIdle?.() ?? true;
    for (const [sort, target] of targets) {
      const has = sort.ready.length;
      // With half of them left there is no hurry.
      if (sort.failed || has >= target || (!isIdle && has > target / 2)) continue;
      if (this.#options.reserve?.(sort.options.memoryMb) === false) continue;
      void this.#make(sort);
      return;
    }
  }

  /** Ends them all. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#abort.abort(new VmError('VM_ABORTED'));
    for (const sort of this.#sorts.values()) while (sort.ready.length > 0) this.#end(sort);
    await Promise.all(this.#ending);
  }

  #demand(key: string, options: CloneOptions, count: number): Sort {
    const now = this.#now();
    let sort = this.#sorts.get(key);
    if (sort === undefined) {
      sort = { key, options, ready: [], making: 0, failed: false, peak: 0, windowFrom: now, inWindow: 0 };
      this.#sorts.set(key, sort);
    }
    if (now - sort.windowFrom >= windowMs) {
      sort.peak = this.#peakOf(sort);
      sort.windowFrom = now;
      sort.inWindow = 0;
    }
    sort.inWindow += count;
    return sort;
  }

  #peakOf({ peak, windowFrom, inWindow }: Sort): number {
    const decay = 0.5 ** ((this.#now() - windowFrom) / halfLifeMs);
    return Math.max(peak * decay, inWindow * decay);
  }

  /** The most asked first. What cannot all be had is had in proportion. */
  #targets(): Map<Sort, number> {
    const wanted: [Sort, number][] = [];
    for (const [key, sort] of this.#sorts) {
      const peak = this.#peakOf(sort);
      if (peak >= forgetBelow) wanted.push([sort, peak]);
      else if (sort.ready.length === 0 && sort.making === 0) this.#sorts.delete(key);
      else wanted.push([sort, 0]);
    }
    wanted.sort(([, a], [, b]) => b - a);
    const { size } = this.#options;
    const total = wanted.reduce((sum, [, peak]) => sum + Math.ceil(peak), 0);
    const scale = total > size ? size / total : 1;
    let left = size;
    return new Map(
      wanted.map(([sort, peak]) => {
        const target = Math.min(left, Math.ceil(Math.ceil(peak) * scale));
        left -= target;
        return [sort, target];
      }),
    );
  }

  async #make(sort: Sort): Promise<void> {
    const { make, release, onError } = this.#options;
    const { memoryMb } = sort.options;
    this.#making += 1;
    sort.making += 1;
    let made: Vm | undefined;
    const making = make({ ...sort.options, signal: this.#abort.signal });
    this.#ending.add(making);
    try {
      made = await making;
    } catch (error) {
      sort.failed = true;
      release?.(memoryMb);
      if (!this.#isClosed) onError?.(sort.key, error);
    } finally {
      this.#ending.delete(making);
      this.#making -= 1;
      sort.making -= 1;
    }
    if (made !== undefined) this.#keep(sort, made);
    setImmediate(() => this.refill());
  }

  #keep(sort: Sort, vm: Vm): void {
    sort.ready.push(vm);
    void vm.exited.then(() => {
      // Taken ones are not ours any more.
      const index = sort.ready.indexOf(vm);
      if (index === -1) return;
      sort.ready.splice(index, 1);
      this.#options.release?.(sort.options.memoryMb);
      this.refill();
    });
    if (this.#isClosed || this.#sorts.get(sort.key) !== sort) this.#end(sort);
  }

  /** The oldest of the sort. */
  #end(sort: Sort): void {
    const vm = sort.ready.shift();
    if (vm === undefined) return;
    const ended = vm.end().then(() => {
      this.#ending.delete(ended);
      this.#options.release?.(sort.options.memoryMb);
    });
    this.#ending.add(ended);
  }

  #sum(of: (sort: Sort) => number): number {
    return [...this.#sorts.values()].reduce((sum, sort) => sum + of(sort), 0);
  }
}
