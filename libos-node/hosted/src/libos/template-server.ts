/**
 * One template and the server process that clones VMs from it (`ebbtender serve`).
 *
 * Invariant: the server ends with this object's close(), with this process, and by itself when its template is of no use; its clones
 * end with it. Leaves out: which templates there are (templates.ts), and which of their files are kept (template-files.ts).
 */
import { join } from 'node:path';
import { VmError } from '../errors.ts';
import { type OwnedPlace, ownerFolder } from '../owner/owner-folder.ts';
import type { CloneOptions, Vm } from '../vm.ts';
import { CloneLink } from './clone-link.ts';
import { type Frame, frameTypes } from './frames.ts';
import { cpuArguments, type LibosSettings, networkArguments, startVm } from './libos-vm.ts';
import { isRehearsed, rehearsalOf, rehearse } from './rehearsal.ts';
import { parseExitReport } from './reports.ts';
import { TenderProcess } from './tender-process.ts';

export interface TemplateOptions {
  readonly image: string;
  readonly tender: 'kvm' | 'process';
  readonly memoryMb: number;
  readonly env: Readonly<Record<string, string>>;
  /** Name of the snapshot's file in `folder`, which is there and private. */
  readonly file: string;
  readonly folder: string;
  /** Priority of its clones below the normal one, where it is not by groups. */
  readonly nice?: number;
}

/** The tender gives up a template that does not park within a minute. */
const readyTimeoutMs = 75_000;

let lastNumber = 0;

export class TemplateServer {
  readonly #settings: LibosSettings;
  readonly #image: string;
  readonly #templateFile: string;
  readonly #memoryMb: number;
  readonly #rehearses: boolean;
  readonly #place: OwnedPlace;
  readonly #socketPath: string;
  readonly #process: TenderProcess;
  readonly #ready = Promise.withResolvers<void>();
  #detail = '';
  #isReady = false;
  #wasReady = false;
  #clones = 0;
  #isRehearsed = false;
  #hasEnded = false;

  constructor(options: TemplateOptions, settings: LibosSettings) {
    this.#settings = settings;
    this.#image = options.image;
    this.#templateFile = join(options.folder, options.file);
    this.#memoryMb = options.memoryMb;
    this.#rehearses = options.tender === 'kvm';
    const id = `template-${++lastNumber}`;
    this.#place = ownerFolder.take(id);
    this.#socketPath = this.#place.path(`${id}.sock`);
    const args = ['serve', '--image', options.image, '--tender', options.tender, '--memory', String(options.memoryMb)];
    args.push('--report-fd', '3', '--listen', this.#socketPath, '--snapshot', this.#templateFile);
    if (options.nice !== undefined) args.push('--nice', String(options.nice));
    for (const [name, value] of Object.entries(options.env)) args.push('--env', `${name}=${value}`);
    args.push('--env', 'EBB_RUNTIME_TEMPLATE=1');
    this.#process = new TenderProcess(settings.tenderPath, args, { onFrame: (frame) => this.#onFrame(frame) });
    if (this.#process.pid !== undefined) void this.#place.record(this.#process.pid, settings.tenderPath);
    // Whoever waits for it hears of the failure.
    this.#ready.promise.catch(() => {});
    const timer = setTimeout(() => {
      this.#detail = `not ready within ${readyTimeoutMs} ms`;
      this.#process.kill();
    }, readyTimeoutMs);
    this.#ready.promise.finally(() => clearTimeout(timer)).catch(() => {});
    this.ended.then(() => {
      this.#hasEnded = true;
      this.#isReady = false;
      this.#place.release(`${id}.sock`);
      this.#ready.reject(new VmError('VM_TEMPLATE_FAILED', this.#detail || this.#process.stderr.toString()));
    });
  }

  /** Resolves when clones can be had; rejects with VM_TEMPLATE_FAILED. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Clones can be had now. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** It served, though it may have ended since. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Settles when the server and its clones are gone, for whatever reason. */
  get ended(): Promise<unknown> {
    return this.#process.ended;
  }

  /** Of the server itself. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** VMs that live or are on their way. */
  get clones(): number {
    return this.#clones;
  }

  /**
   * A VM that goes on from the template, or from a function's snapshot. Kind, profile, memory, environment and trace of `options` are
   * those of the template.
   */
  async clone(options: CloneOptions): Promise<Vm> {
    this.#clones += 1;
    try {
      await this.ready;
      return await this.#clone(options);
    } finally {
      this.#clones -= 1;
    }
  }

  async close(): Promise<void> {
    this.#process.end();
    await this.ended;
  }

  async #clone(options: CloneOptions): Promise<Vm> {
    const { functionSnapshot } = options;
    const origin = functionSnapshot === undefined ? 'template' : 'snapshot';
    const vm = await startVm(options, this.#image, this.#settings, origin, (socketPath, group, events) => {
      const args = [...networkArguments(options, socketPath), ...cpuArguments(options, group)];
      if (functionSnapshot !== undefined) args.push('--function', functionSnapshot);
      else if (this.#isRehearsed) args.push('--prefault', rehearsalOf(this.#templateFile));
      return new CloneLink(this.#socketPath, args, events);
    });
    this.#clones += 1;
    void vm.exited.then(() => {
      this.#clones -= 1;
    });
    return vm;
  }

  #onFrame({ type, payload }: Frame): void {
    if (type === frameTypes.ready) void this.#serve();
    if (type === frameTypes.exit) this.#detail = parseExitReport(payload).detail ?? '';
  }

  async #serve(): Promise<void> {
    if (this.#rehearses && !isRehearsed(this.#templateFile)) {
      await rehearse(this.#templateFile, () => this.#clone({ kind: 'rehearsal', memoryMb: this.#memoryMb }));
    }
    if (this.#hasEnded) return;
    this.#isRehearsed = this.#rehearses && isRehearsed(this.#templateFile);
    this.#isReady = true;
    this.#wasReady = true;
    this.#ready.resolve();
  }
}
