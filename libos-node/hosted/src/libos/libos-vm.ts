/**
 * The `libos` implementation of Vm: one ebbtender process that runs a LibOS image.
 *
 * Invariant: a Vm is handed out only once its guest listens; whatever fails before that ends everything that was started. Leaves
 * out confinement, memory limits and networking, which are the tender's.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { VmError, type VmErrorCode } from '../errors.ts';
import { checkExposure, inspectorPort } from '../exposure.ts';
import { type OwnedPlace, ownerFolder } from '../owner/owner-folder.ts';
import { defaultProfile, imageFileName, imagesFolder, isKindName, reportsFolder, tenderPath } from '../paths.ts';
import { readFaults, readFigures } from '../process/proc-stats.ts';
import type {
  BootOptions,
  BootVm,
  CloneOptions,
  ExitReport,
  ExposedPort,
  LogRecord,
  Vm,
  VmCost,
  VmOrigin,
  VmStats,
} from '../vm.ts';
import { type CpuGroup, type CpuGroups, cpuGroups, niceOf } from './cpu-groups.ts';
import { type CrashReport, type Culprit, imageChecksum, signalOf, splitCrash, writeReport } from './crash-report.ts';
import { type Frame, frameTypes, logStreams } from './frames.ts';
import { LineSplitter, LogBuffer, Tail } from './log-buffer.ts';
import { isGuestProcessDeath, parseExitReport, parseTenderStats, type TenderStats } from './reports.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import { type TenderEnd, type TenderEvents, type TenderLink, TenderProcess } from './tender-process.ts';

export interface LibosSettings {
  readonly tenderPath: string;
  readonly imagesFolder: string;
  readonly reportsFolder: string;
  readonly bootTimeoutMs: number;
  /** How long stats() waits for the tender's word. */
  readonly statsTimeoutMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  readonly cpuGroups: () => CpuGroups;
}

export const defaultSettings: LibosSettings = {
  tenderPath,
  imagesFolder,
  reportsFolder,
  bootTimeoutMs: 30_000,
  statsTimeoutMs: 1_000,
  now: () => performance.now(),
  cpuGroups,
};

let lastNumber = 0;

/** Codes of ebbtender (the word before the colon on its stderr) that have a code of ours. */
const tenderCodes: Readonly<Record<string, VmErrorCode>> = {
  TENDER_IMAGE_MISSING: 'VM_IMAGE_MISSING',
  TENDER_IMAGE_BAD: 'VM_IMAGE_BAD',
  TENDER_IMAGE_VERSION: 'VM_IMAGE_BAD',
  TENDER_IMAGE_HASH: 'VM_IMAGE_BAD',
  TENDER_KVM_UNUSABLE: 'VM_KVM_UNUSABLE',
  TENDER_SNAPSHOT_MISSING: 'VM_SNAPSHOT_REFUSED',
  TENDER_SNAPSHOT_BAD: 'VM_SNAPSHOT_REFUSED',
  TENDER_SNAPSHOT_STALE: 'VM_SNAPSHOT_REFUSED',
};

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The inspector first. */
function exposedBy({ expose = [], inspect }: BootOptions): readonly ExposedPort[] {
  return inspect === undefined ? expose : [{ ...inspect, guestPort: inspectorPort }, ...expose];
}

function inspectorEnv({ inspect }: BootOptions): Readonly<Record<string, string>> {
  // On all of the guest's own addresses: the broker hands over only what is not its loopback.
  return inspect === undefined
    ? {}
    : { EBB_RUNTIME_INSPECTOR: `0.0.0.0:${inspectorPort}${inspect.wait === true ? ',wait' : ''}` };
}

function bootArguments(options: BootOptions, image: string, socketPath: string, group: CpuGroup | undefined): string[] {
  const args = ['run', '--image', image, '--tender', options.tender ?? 'auto', '--memory', String(options.memoryMb)];
  args.push('--report-fd', '3', ...networkArguments(options, socketPath));
  args.push(...cpuArguments(options, group));
  for (const [name, value] of Object.entries({ ...options.env, ...inspectorEnv(options) }))
    args.push('--env', `${name}=${value}`);
  if (options.onTrace !== undefined) args.push('--trace');
  return args;
}

/** Its part of the CPU: by its group, or for want of one by its priority. */
export function cpuArguments({ cpu, memoryMb }: BootOptions, group: CpuGroup | undefined): string[] {
  if (group !== undefined) return ['--cgroup', group.path];
  return cpu === undefined ? [] : ['--nice', String(niceOf(memoryMb))];
}

/** What a VM has to itself even as a clone. */
export function networkArguments(options: BootOptions, socketPath: string): string[] {
  const args = ['--socket', socketPath];
  if (options.port !== undefined) args.push('--port', String(options.port));
  for (const { host, port, guestPort } of exposedBy(options)) args.push('--expose', `${host}:${port}:${guestPort}`);
  if (options.allowRemote === true) args.push('--allow-remote');
  for (const port of options.gatewayPorts ?? []) args.push('--gateway-port', String(port));
  if (options.allowPrivateNetworks === true) args.push('--allow-private');
  return args;
}

/** Starts what stands behind a VM whose socket is to be at that path. */
export type StartTender = (socketPath: string, group: CpuGroup | undefined, events: TenderEvents) => TenderLink;

class LibosVm implements Vm {
  readonly id: string;
  readonly target = 'libos';
  readonly origin: VmOrigin;
  readonly socketPath: string;
  exposed?: readonly ExposedPort[];
  inspector?: Omit<ExposedPort, 'guestPort'>;
  readonly exited: Promise<ExitReport>;
  /** Resolves when the guest listens; never rejects. */
  readonly ready: Promise<void>;
  readonly #tender: TenderLink;
  readonly #snapshots: SnapshotTaker;
  readonly #place: OwnedPlace;
  readonly #socketName: string;
  readonly #settings: LibosSettings;
  readonly #cpuGroup: CpuGroup | undefined;
  readonly #startedAt: number;
  readonly #logs = new LogBuffer();
  readonly #guestErrors = new Tail();
  readonly #trace: LineSplitter | undefined;
  readonly #syncs = new Map<bigint, () => void>();
  readonly #statsWaiters: ((stats: TenderStats) => void)[] = [];
  readonly #setReady: () => void;
  #lastToken = 0n;
  readonly #about: { readonly kind: string; readonly profile: string; readonly tender: string; readonly image: string };
  #report: ExitReport | undefined;
  #isGuestProcessDeath = false;
  #isReady = false;
  #isEnding = false;
  #hasExited = false;

  constructor(options: CloneOptions, image: string, origin: VmOrigin, start: StartTender, settings: LibosSettings) {
    this.origin = origin;
    this.id = `libos-${++lastNumber}`;
    this.#settings = settings;
    const { kind, profile = defaultProfile, tender = 'auto' } = options;
    this.#about = { kind, profile, tender, image };
    this.#startedAt = settings.now();
    this.#trace = options.onTrace === undefined ? undefined : new LineSplitter(options.onTrace);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#setReady = resolve;
    this.#place = ownerFolder.take(this.id);
    this.#socketName = `${this.id}.sock`;
    this.socketPath = this.#place.path(this.#socketName);
    this.#cpuGroup = options.cpu === undefined ? undefined : settings.cpuGroups().make(this.id, options.cpu);
    try {
      this.#tender = start(this.socketPath, this.#cpuGroup, { onFrame: (frame) => this.#onFrame(frame) });
    } catch (error) {
      // spawn throws for arguments with a NUL, for one.
      this.#place.release();
      this.#cpuGroup?.remove();
      throw error;
    }
    this.#snapshots = new SnapshotTaker(this.#tender);
    if (this.#tender.pid !== undefined) void this.#place.record(this.#tender.pid, settings.tenderPath);
    this.exited = this.#tender.ended.then((end) => this.#finish(end));
  }

  /** Learns which ports were bound. */
  async findExposed(options: BootOptions): Promise<void> {
    const asked = exposedBy(options);
    if (asked.length === 0) return;
    const { exposed = [] } = await this.#tenderStats();
    if (exposed.length !== asked.length) throw new VmError('VM_BOOT_FAILED', 'the tender does not tell its ports');
    if (options.inspect === undefined) {
      this.exposed = exposed;
      return;
    }
    const [inspector, ...others] = exposed;
    if (inspector !== undefined) this.inspector = { host: inspector.host, port: inspector.port };
    if (others.length > 0) this.exposed = others;
  }

  onLog(listener: (record: LogRecord) => void): () => void {
    return this.#logs.add(listener);
  }

  flushLogs(): Promise<void> {
    if (this.#hasExited) return Promise.resolve();
    // The tender answers when it has passed on everything before; frames arrive in order.
    const token = ++this.#lastToken;
    const payload = Buffer.alloc(8);
    payload.writeBigUInt64LE(token);
    return new Promise((resolve) => {
      this.#syncs.set(token, resolve);
      this.#tender.send(frameTypes.sync, payload);
    });
  }

  async stats(): Promise<VmStats> {
    if (this.#hasExited) throw new VmError('VM_ENDED');
    const { exits, faults, syscalls, syscallsTrapped, enters, pids } = await this.#tenderStats();
    const known = this.#tender.pid ?? pids;
    if (known === undefined) throw new VmError('VM_ENDED');
    const figures = await readFigures(...[known].flat());
    return {
      ...figures,
      start: this.origin === 'snapshot' ? 'warm' : 'cold',
      origin: this.origin,
      uptimeMs: this.#settings.now() - this.#startedAt,
      ...(exits === undefined ? {} : { exits }),
      ...(faults === undefined ? {} : { faults }),
      ...(syscallsTrapped === undefined ? {} : { syscallsTrapped }),
      ...(syscalls === undefined ? {} : { syscalls }),
      ...(enters === undefined ? {} : { enters }),
    };
  }

  async cost(): Promise<VmCost> {
    if (this.#hasExited) throw new VmError('VM_ENDED');
    const { exits, pids } = await this.#tenderStats();
    if (this.#hasExited) throw new VmError('VM_ENDED');
    const faults = pids === undefined ? undefined : readFaults(pids);
    return { ...(faults === undefined ? {} : { faults }), ...(exits === undefined ? {} : { exits }) };
  }

  async snapshot(file: string, signal?: AbortSignal): Promise<void> {
    if (this.#hasExited) throw new VmError('VM_ENDED');
    await this.#snapshots.take(file, signal);
  }

  end(): Promise<ExitReport> {
    this.#isEnding = true;
    this.#tender.end();
    return this.exited;
  }

  /** What is known about an end before the guest listened. */
  bootFailure(report: ExitReport): VmError {
    const stderr = this.#tender.stderr.toString();
    // A clone's tender has no stderr of its own.
    const said = report.reason === 'tender' ? `${stderr}\n${report.detail ?? ''}` : stderr;
    const code = /^(TENDER_[A-Z_]+):/m.exec(said)?.[1];
    const facts = [`reason: ${report.reason}`];
    if (report.code !== undefined) facts.push(`status ${report.code}`);
    if (report.signal !== undefined) facts.push(report.signal);
    if (report.detail !== undefined) facts.push(report.detail);
    // A tender that failed by itself has said the same in its report.
    if (stderr !== '' && !facts.includes(stderr)) facts.push(`tender: ${stderr}`);
    const guest = this.#guestErrors.toString();
    if (guest !== '') facts.push(`guest: ${guest}`);
    return new VmError((code === undefined ? undefined : tenderCodes[code]) ?? 'VM_BOOT_FAILED', facts.join('\n'));
  }

  guestErrors(): string {
    return this.#guestErrors.toString();
  }

  #onFrame({ type, stream, timeNs, payload }: Frame): void {
    switch (type) {
      case frameTypes.ready:
        this.#isReady = true;
        this.#setReady();
        break;
      case frameTypes.log:
        this.#onLog(stream, Number(timeNs) / 1e6, payload);
        break;
      case frameTypes.exit:
        this.#report ??= parseExitReport(payload);
        this.#isGuestProcessDeath = isGuestProcessDeath(payload);
        break;
      case frameTypes.stats:
        this.#statsWaiters.shift()?.(parseTenderStats(payload));
        break;
      case frameTypes.synced: {
        const token = payload.length === 8 ? payload.readBigUInt64LE() : 0n;
        this.#syncs.get(token)?.();
        this.#syncs.delete(token);
        break;
      }
      case frameTypes.parked:
        this.#snapshots.parked(payload);
        break;
      case frameTypes.resumed:
        this.#snapshots.resumed(payload);
        break;
      default:
      // A later tender may say more than we ask for.
    }
  }

  #onLog(stream: number, time: number, bytes: Buffer): void {
    const name = logStreams[stream];
    if (name === 'trace') {
      this.#trace?.push(bytes);
      return;
    }
    if (name === 'stderr' || name === 'kernel') this.#guestErrors.push(bytes);
    if (name === 'kernel') this.#trace?.push(bytes);
    // The payload is a view of the chunk that was read: a record that is kept must not keep all of that.
    else if (name !== undefined) this.#logs.push({ stream: name, time, bytes: Uint8Array.from(bytes) });
  }

  #tenderStats(): Promise<TenderStats> {
    return new Promise((resolve) => {
      const settle = (stats: TenderStats): void => {
        clearTimeout(timer);
        resolve(stats);
      };
      // A late answer still takes the waiter's place in the queue, so that answers stay with their requests.
      const timer = setTimeout(() => settle({}), this.#settings.statsTimeoutMs);
      this.#statsWaiters.push(settle);
      this.#tender.send(frameTypes.statsRequest);
    });
  }

  async #finish(end: TenderEnd): Promise<ExitReport> {
    this.#hasExited = true;
    this.#trace?.end();
    this.#place.release(this.#socketName);
    this.#cpuGroup?.remove();
    for (const resolve of this.#syncs.values()) resolve();
    this.#syncs.clear();
    for (const settle of this.#statsWaiters.splice(0)) settle({});
    this.#snapshots.end();
    const { crash, rest } = splitCrash(this.#tender.stderr.toString());
    const report = this.#report ?? this.#ownReport(end, crash, rest);
    const culprit = this.#culprit(report, rest);
    if (culprit === undefined) return report;
    const path = await writeReport(this.#settings.reportsFolder, await this.#crashReport(culprit, report, end, crash));
    return path === undefined ? report : { ...report, crashReport: path };
  }

  /** Of a tender that sent none. */
  #ownReport(end: TenderEnd, crash: CrashReport['crash'], rest: string): ExitReport {
    const signal = signalOf(crash, end);
    // One that does not end in time is killed, which is no crash; any other signal is.
    if (this.#isEnding && crash === null && (signal === undefined || signal === 'SIGKILL')) return { reason: 'ended' };
    const facts = [end.failure?.message, signal, end.status === undefined ? undefined : `status ${end.status}`, rest];
    const detail = facts.filter((fact) => fact !== undefined && fact !== '').join('; ');
    return { reason: 'tender', ...(signal === undefined ? {} : { signal }), detail };
  }

  /** Who crashed, if anybody did. */
  #culprit({ reason }: ExitReport, stderr: string): Culprit | undefined {
    if (reason === 'fault' || this.#isGuestProcessDeath) return 'guest';
    if (reason !== 'tender') return undefined;
    // That a VM cannot be started is an error with a code, and its caller has it.
    return this.#isReady || (this.#tender.pid !== undefined && !/^TENDER_[A-Z_]+:/m.test(stderr))
      ? 'tender'
      : undefined;
  }

  async #crashReport(
    culprit: Culprit,
    exit: ExitReport,
    end: TenderEnd,
    crash: CrashReport['crash'],
  ): Promise<CrashReport> {
    const { kind, profile, tender, image } = this.#about;
    return {
      version: 1,
      time: new Date().toISOString(),
      vm: this.id,
      culprit,
      kind,
      profile,
      tender: { kind: tender, pid: this.#tender.pid ?? null, path: this.#settings.tenderPath },
      image: { path: image, sha256: await imageChecksum(image) },
      uptimeMs: Math.round(this.#settings.now() - this.#startedAt),
      ready: this.#isReady,
      exit,
      status: end.status ?? null,
      signal: signalOf(crash, end) ?? exit.signal ?? null,
      crash,
    };
  }
}

/** What `ready`, the end, the clock and the caller's signal say first. */
function firstOutcome(
  vm: LibosVm,
  options: BootOptions,
  timeoutMs: number,
): Promise<ExitReport | 'ready' | 'timeout' | 'aborted'> {
  return new Promise((resolve) => {
    const onAbort = (): void => settle('aborted');
    const timer = setTimeout(() => settle('timeout'), timeoutMs);
    const settle = (outcome: ExitReport | 'ready' | 'timeout' | 'aborted'): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    options.signal?.addEventListener('abort', onAbort, { once: true });
    vm.ready.then(() => settle('ready'));
    vm.exited.then(settle);
  });
}

/** The image to start from; rejects what cannot be started. */
export function imageFor({ kind, profile = defaultProfile, signal }: BootOptions, settings: LibosSettings): string {
  if (signal?.aborted === true) throw new VmError('VM_ABORTED');
  const image = join(settings.imagesFolder, imageFileName(kind, profile));
  if (!isKindName(kind) || !isFile(image)) throw new VmError('VM_IMAGE_MISSING', `${kind}, ${profile}: ${image}`);
  if (!isFile(settings.tenderPath)) throw new VmError('VM_TENDER_MISSING', settings.tenderPath);
  return image;
}

export function createBootLibos(overrides: Partial<LibosSettings> = {}): BootVm {
  const settings = { ...defaultSettings, ...overrides };
  return async (options) => {
    checkExposure(options);
    const image = imageFor(options, settings);
    return startVm(options, image, settings, 'boot', (socketPath, group, events) => {
      return new TenderProcess(settings.tenderPath, bootArguments(options, image, socketPath, group), events);
    });
  };
}

/** A VM on what `start` starts, once its guest listens. */
export async function startVm(
  options: CloneOptions,
  image: string,
  settings: LibosSettings,
  origin: VmOrigin,
  start: StartTender,
): Promise<Vm> {
  const vm = new LibosVm(options, image, origin, start, settings);
  const outcome = await firstOutcome(vm, options, settings.bootTimeoutMs);
  if (outcome === 'ready') {
    try {
      await vm.findExposed(options);
      return vm;
    } catch (error) {
      await vm.end();
      throw error;
    }
  }
  const report = await vm.end();
  if (outcome === 'aborted') throw new VmError('VM_ABORTED');
  if (outcome === 'timeout') {
    const said = vm.guestErrors();
    throw new VmError('VM_BOOT_TIMEOUT', `${settings.bootTimeoutMs} ms${said === '' ? '' : `; guest: ${said}`}`);
  }
  throw vm.bootFailure(report);
}

/** Boots a VM from the image of its kind and profile, with the tender of this checkout. */
export const bootLibos: BootVm = createBootLibos();
