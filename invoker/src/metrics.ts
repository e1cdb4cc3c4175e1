/** Counters of the invoker in Prometheus form, in a registry of its own: several invokers can live in one process. */

import type { StartKind, VmCost } from '@ebbwhisk/libos-node';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Phases } from './activation/build.ts';
import { type Activation, activationStatusTexts } from './protocol/activation-record.ts';

export interface MetricSources {
  readonly queued: () => number;
  readonly usedMb: () => number;
  readonly prepared: () => number;
  readonly snapshots: () => { readonly count: number; readonly bytes: number };
}

export interface ActivationCounts {
  readonly cold: number;
  readonly warm: number;
  readonly hot: number;
  /** Never reached a VM. */
  readonly none: number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #counts = { cold: 0, warm: 0, hot: 0, none: 0 };
  readonly #activations: Counter<'start' | 'status'>;
  readonly #durations: Histogram<'start'>;
  readonly #phases: Histogram<'phase'>;
  readonly #faults: Histogram<'start'>;
  readonly #exits: Histogram<'start'>;
  readonly #lost: Counter<'what'>;
  readonly #captures: Histogram<never>;
  readonly #captureFailures: Counter<never>;

  constructor(sources: MetricSources) {
    const registers = [this.#registry];
    this.#activations = new Counter({
      name: 'ebbwhisk_invoker_activations_total',
      help: 'Activations by how their VM was started and how they ended.',
      labelNames: ['start', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'ebbwhisk_invoker_activation_seconds',
      help: 'Time in /init and /run.',
      labelNames: ['start'],
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 60],
      registers,
    });
    this.#phases = new Histogram({
      name: 'ebbwhisk_invoker_phase_seconds',
      help: 'Parts of activations: waiting for a VM (queue), making one (boot or clone), /init, /run.',
      labelNames: ['phase'],
      buckets: [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 60],
      registers,
    });
    this.#faults = new Histogram({
      name: 'ebbwhisk_invoker_start_faults',
      help: 'Page faults that the host served for a VM until its first answer.',
      labelNames: ['start'],
      buckets: [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000],
      registers,
    });
    this.#exits = new Histogram({
      name: 'ebbwhisk_invoker_start_exits',
      help: 'Exits of the guest (KVM) or waits (process tender) of a VM until its first answer.',
      labelNames: ['start'],
      buckets: [2, 5, 10, 20, 50, 100, 200, 500, 1_000],
      registers,
    });
    this.#lost = new Counter({
      name: 'ebbwhisk_invoker_lost_total',
      help: 'Acks and records that could not be delivered.',
      labelNames: ['what'],
      registers,
    });
    this.#captures = new Histogram({
      name: 'ebbwhisk_invoker_capture_seconds',
      help: 'Taking a snapshot of a function; no activation waits for it.',
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
      registers,
    });
    this.#captureFailures = new Counter({
      name: 'ebbwhisk_invoker_capture_failures_total',
      help: 'Snapshots of functions that could not be taken.',
      registers,
    });
    new Gauge({
      name: 'ebbwhisk_invoker_snapshots',
      help: 'Snapshots of functions on disk.',
      registers,
      collect() {
        this.set(sources.snapshots().count);
      },
    });
    new Gauge({
      name: 'ebbwhisk_invoker_snapshot_bytes',
      help: 'Size of the snapshots of functions on disk.',
      registers,
      collect() {
        this.set(sources.snapshots().bytes);
      },
    });
    new Gauge({
      name: 'ebbwhisk_invoker_prepared_vms',
      help: 'VMs made ahead that wait for an action.',
      registers,
      collect() {
        this.set(sources.prepared());
      },
    });
    new Gauge({
      name: 'ebbwhisk_invoker_queue_length',
      help: 'Activations that wait for a VM.',
      registers,
      collect() {
        this.set(sources.queued());
      },
    });
    new Gauge({
      name: 'ebbwhisk_invoker_memory_used_bytes',
      help: 'Memory limits of all VMs together.',
      registers,
      collect() {
        this.set(sources.usedMb() * 1024 * 1024);
      },
    });
  }

  finished(start: StartKind | undefined, activation: Activation, phases: Phases = {}): void {
    this.#counts[start ?? 'none'] += 1;
    this.#activations.inc({ start: start ?? 'none', status: activationStatusTexts[activation.response.statusCode] });
    for (const [phase, ms] of Object.entries(phases)) this.#phases.observe({ phase }, ms / 1000);
    if (start !== undefined) this.#durations.observe({ start }, (activation.duration ?? 0) / 1000);
  }

  cost(start: StartKind, { faults, exits }: VmCost): void {
    if (faults !== undefined) this.#faults.observe({ start }, faults);
    if (exits !== undefined) this.#exits.observe({ start }, exits);
  }

  /** Undefined: it failed. */
  captured(ms: number | undefined): void {
    if (ms === undefined) this.#captureFailures.inc();
    else this.#captures.observe(ms / 1000);
  }

  lost(what: 'ack' | 'record'): void {
    this.#lost.inc({ what });
  }

  counts(): ActivationCounts {
    return { ...this.#counts };
  }

  /** The Prometheus text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
