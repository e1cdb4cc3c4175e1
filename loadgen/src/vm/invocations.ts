/** /init and /run of one VM, checked: what an invoker would do, without the invoker. */

import { VmClient } from '@ebbwhisk/invoker/container/vm-client.ts';
import type { Vm } from '@ebbwhisk/libos-node';
import type { MeasuredFunction } from '../functions.ts';

const kTimeoutMs = 60_000;
const kLimits = { maxBytes: 1024 * 1024, truncationBytes: 1024 };

/** A booted VM and the connection to it. */
export class Instance {
  readonly vm: Vm;
  readonly #client: VmClient;

  constructor(vm: Vm) {
    this.vm = vm;
    this.#client = new VmClient(vm.socketPath, 1);
  }

  async init(measured: MeasuredFunction): Promise<void> {
    const value = { name: 'measured', main: 'main', code: measured.source, binary: false, env: {} };
    await this.#post('/init', JSON.stringify({ value }));
  }

  /** Rejects when the answer is not that of the n-th invocation. */
  async run(measured: MeasuredFunction, n: number): Promise<void> {
    const body = JSON.stringify({
      value: measured.argumentsOf(n),
      namespace: 'guest',
      action_name: '/guest/measured',
      action_version: '0.0.1',
      activation_id: n.toString(16).padStart(32, '0'),
      transaction_id: 'loadgen',
      deadline: String(Date.now() + kTimeoutMs),
    });
    const wrong = measured.check(n, JSON.parse(await this.#post('/run', body)));
    if (wrong !== undefined) throw new Error(wrong);
  }

  async end(): Promise<void> {
    await this.#client.close();
    await this.vm.end();
  }

  async #post(path: '/init' | '/run', body: string): Promise<string> {
    const reply = await this.#client.post(path, body, kTimeoutMs, kLimits);
    if (reply.kind === 'timeout') throw new Error(`${path} took longer than ${kTimeoutMs} ms`);
    if (reply.kind === 'lost') throw new Error(`${path}: ${reply.error.message}`, { cause: reply.error });
    if (reply.status !== 200) throw new Error(`${path} answered ${reply.status}: ${reply.body.slice(0, 500)}`);
    return reply.body;
  }
}
