/** A booted VM and the connection to it. */

import { VmClient } from '@ebbwhisk/invoker/container/vm-client.ts';
import type { Vm } from '@ebbwhisk/libos-node';
import type { MeasuredFunction } from '../functions.ts';
import type { StartKind } from '../tally.ts';
import { post, postInit, postRun, type Runnable } from './contract.ts';

const kCodeLimits = { maxBytes: 64 * 1024 * 1024, truncationBytes: 1024 };

export class Instance implements Runnable {
  readonly vm: Vm;
  readonly #client: VmClient;

  constructor(vm: Vm) {
    this.vm = vm;
    this.#client = new VmClient(vm.socketPath, 1);
  }

  /** Of the first invocation: as the VM itself tells, not as it was asked for. */
  get start(): StartKind {
    return this.vm.origin === 'snapshot' ? 'warm' : 'cold';
  }

  init(measured: MeasuredFunction): Promise<void> {
    return postInit(this.#client, measured);
  }

  /** V8's code cache of the function's text, for the init() of another VM. */
  async takeCodeCache(): Promise<Buffer> {
    const { data = '' } = JSON.parse(await post(this.#client, '/code-cache', '', kCodeLimits)) as { data?: string };
    if (data === '') throw new Error('no code cache');
    return Buffer.from(data, 'base64');
  }

  /** In front of init(). */
  async giveCodeCache(data: Buffer): Promise<void> {
    await post(this.#client, '/code-cache', data);
  }

  /** As the invoker does in front of a snapshot of a function with long code. */
  async collect(): Promise<void> {
    await post(this.#client, '/collect', '');
  }

  /** As the invoker does in front of a snapshot. */
  async disconnect(): Promise<void> {
    await this.#client.disconnect();
  }

  run(measured: MeasuredFunction, n: number): Promise<void> {
    return postRun(this.#client, measured, n);
  }

  async end(): Promise<void> {
    await this.#client.close();
    await this.vm.end();
  }
}
