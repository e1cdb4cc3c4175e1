/**
 * VMs by cloning instead of booting: a template server per kind, profile, memory limit and environment, started when the first VM of its
 * sort is asked for and again when it died. The first VM of a sort waits for its template. VMs of the KVM tender still boot.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { basename } from 'node:path';
import { VmError } from '../errors.ts';
import { checkExposure } from '../exposure.ts';
import { templatesFolder } from '../paths.ts';
import type { BootOptions, CloneOptions, Vm } from '../vm.ts';
import { createBootLibos, defaultSettings, imageFor, type LibosSettings } from './libos-vm.ts';
import { type TemplateOptions, TemplateServer } from './template-server.ts';

export interface TemplatesSettings extends Partial<LibosSettings> {
  /** Where the snapshots lie; they outlive this process. */
  readonly folder?: string;
}

export class Templates {
  readonly #settings: LibosSettings;
  readonly #folder: string;
  readonly #boot: (options: BootOptions) => Promise<Vm>;
  readonly #servers = new Map<string, TemplateServer>();
  #isClosed = false;

  constructor({ folder = templatesFolder, ...overrides }: TemplatesSettings = {}) {
    this.#settings = { ...defaultSettings, ...overrides };
    this.#folder = folder;
    this.#boot = createBootLibos(overrides);
  }

  /**
   * As bootLibos, by a clone. A VM that is traced or debugged is booted: that begins with its life, and is refused
   * (VM_SNAPSHOT_REFUSED) when it was to go on from a function's snapshot.
   */
  readonly clone = async (options: CloneOptions): Promise<Vm> => {
    if (!canBeCloned(options)) {
      if (options.functionSnapshot === undefined) return this.#boot(options);
      throw new VmError('VM_SNAPSHOT_REFUSED', 'such a VM cannot be cloned');
    }
    checkExposure(options);
    return this.#serverFor(options).clone(options);
  };

  /** Resolves when clones of such VMs can be had. */
  async prepare(options: BootOptions): Promise<void> {
    if (canBeCloned(options)) await this.#serverFor(options).ready;
  }

  /** Ends all servers, and with them all VMs that were cloned here. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
  }

  #serverFor(options: BootOptions): TemplateServer {
    if (this.#isClosed) throw new VmError('VM_TEMPLATE_FAILED', 'the host is ending');
    const image = imageFor(options, this.#settings);
    const template = this.#describe(options, image);
    const known = this.#servers.get(template.file);
    if (known !== undefined) return known;
    const server = new TemplateServer(template, this.#settings);
    this.#servers.set(template.file, server);
    server.ended.then(() => {
      if (this.#servers.get(template.file) === server) this.#servers.delete(template.file);
    });
    return server;
  }

  #describe({ memoryMb, env = {} }: BootOptions, image: string): TemplateOptions {
    const environment = Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
    const digest = createHash('sha256').update(JSON.stringify(environment)).digest('hex').slice(0, 16);
    const file = `${basename(image, '.ebbimage')}-${memoryMb}-${digest}.snapshot`;
    return { image, memoryMb, env: environment, file, folder: this.#folder };
  }
}

function canBeCloned({ tender = 'auto', onTrace, inspect }: BootOptions): boolean {
  const isKvm = tender === 'kvm' || (tender === 'auto' && isKvmUsable());
  return !isKvm && onTrace === undefined && inspect === undefined;
}

function isKvmUsable(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
