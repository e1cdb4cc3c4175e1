/**
 * One template and the server process that clones VMs from it (`ebbtender serve`).
 *
 * Invariant: the server ends with this object's close(), with this process, and by itself when its template is of no use; its clones
 * end with it. Leaves out: which templates there are (templates.ts).
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { VmError } from '../errors.ts';
import { type OwnedPlace, ownerFolder } from '../owner/owner-folder.ts';
import type { CloneOptions, Vm } from '../vm.ts';
import { CloneLink } from './clone-link.ts';
import { type Frame, frameTypes } from './frames.ts';
import { type LibosSettings, networkArguments, startVm } from './libos-vm.ts';
import { parseExitReport } from './reports.ts';
import { TenderProcess } from './tender-process.ts';

export interface TemplateOptions {
  readonly image: string;
  readonly memoryMb: number;
  readonly env: Readonly<Record<string, string>>;
  /** Name of the snapshot's file in `folder`. */
  readonly file: string;
  readonly folder: string;
}

let lastNumber = 0;

export class TemplateServer {
  readonly #settings: LibosSettings;
  readonly #image: string;
  readonly #place: OwnedPlace;
  readonly #socketPath: string;
  readonly #process: TenderProcess;
  readonly #ready = Promise.withResolvers<void>();
  #detail = '';

  constructor(options: TemplateOptions, settings: LibosSettings) {
    this.#settings = settings;
    this.#image = options.image;
    const id = `template-${++lastNumber}`;
    this.#place = ownerFolder.take(id);
    this.#socketPath = this.#place.path(`${id}.sock`);
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    chmodSync(options.folder, 0o700);
    const args = ['serve', '--image', options.image, '--tender', 'process', '--memory', String(options.memoryMb)];
    args.push('--report-fd', '3', '--listen', this.#socketPath, '--snapshot', join(options.folder, options.file));
    for (const [name, value] of Object.entries(options.env)) args.push('--env', `${name}=${value}`);
    args.push('--env', 'EBB_RUNTIME_TEMPLATE=1');
    this.#process = new TenderProcess(settings.tenderPath, args, { onFrame: (frame) => this.#onFrame(frame) });
    if (this.#process.pid !== undefined) void this.#place.record(this.#process.pid, settings.tenderPath);
    // Whoever waits for it hears of the failure.
    this.#ready.promise.catch(() => {});
    this.ended.then(() => {
      this.#place.release(`${id}.sock`);
      this.#ready.reject(new VmError('VM_TEMPLATE_FAILED', this.#detail || this.#process.stderr.toString()));
    });
  }

  /** Resolves when clones can be had; rejects with VM_TEMPLATE_FAILED. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Settles when the server and its clones are gone, for whatever reason. */
  get ended(): Promise<unknown> {
    return this.#process.ended;
  }

  /**
   * A VM that goes on from the template, or from a function's snapshot. Kind, profile, memory, environment and trace of `options` are
   * those of the template.
   */
  async clone(options: CloneOptions): Promise<Vm> {
    await this.ready;
    const { functionSnapshot } = options;
    return startVm(options, this.#image, this.#settings, (socketPath, _group, events) => {
      const args = networkArguments(options, socketPath);
      if (functionSnapshot !== undefined) args.push('--function', functionSnapshot);
      return new CloneLink(this.#socketPath, args, events);
    });
  }

  async close(): Promise<void> {
    this.#process.end();
    await this.ended;
  }

  #onFrame({ type, payload }: Frame): void {
    if (type === frameTypes.ready) this.#ready.resolve();
    if (type === frameTypes.exit) this.#detail = parseExitReport(payload).detail ?? '';
  }
}
