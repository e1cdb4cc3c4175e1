/** /init and /run of whatever serves the action contract, checked: what an invoker would do, without the invoker. */

import type { VmClient, VmPath } from '@ebbwhisk/invoker/container/vm-client.ts';
import type { MeasuredFunction } from '../functions.ts';
import type { StartKind } from '../tally.ts';

const kTimeoutMs = 60_000;
const kLimits = { maxBytes: 1024 * 1024, truncationBytes: 1024 };

/** Something that was started and runs one function. */
export interface Runnable {
  /** How it was started, as it tells itself. */
  readonly start: StartKind;
  init(measured: MeasuredFunction): Promise<void>;
  /** Rejects when the answer is not that of the n-th invocation. */
  run(measured: MeasuredFunction, n: number): Promise<void>;
  end(): Promise<void>;
}

/** /init, then `runs` times /run. */
export async function warmUp(runnable: Runnable, measured: MeasuredFunction, runs: number): Promise<void> {
  await runnable.init(measured);
  for (let n = 0; n < runs; n += 1) await runnable.run(measured, n);
}

export async function postInit(client: VmClient, measured: MeasuredFunction): Promise<void> {
  const value = { name: 'measured', main: 'main', code: measured.source, binary: false, env: {} };
  await post(client, '/init', JSON.stringify({ value }));
}

export async function postRun(client: VmClient, measured: MeasuredFunction, n: number): Promise<void> {
  const body = JSON.stringify({
    value: measured.argumentsOf(n),
    namespace: 'guest',
    action_name: '/guest/measured',
    action_version: '0.0.1',
    activation_id: n.toString(16).padStart(32, '0'),
    transaction_id: 'loadgen',
    deadline: String(Date.now() + kTimeoutMs),
  });
  const wrong = measured.check(n, JSON.parse(await post(client, '/run', body)));
  if (wrong !== undefined) throw new Error(wrong);
}

/** The body of the answer. */
export async function post(client: VmClient, path: VmPath, body: string | Buffer, limits = kLimits): Promise<string> {
  const reply = await client.post(path, body, kTimeoutMs, limits);
  if (reply.kind === 'timeout') throw new Error(`${path} took longer than ${kTimeoutMs} ms`);
  if (reply.kind === 'lost') throw new Error(`${path}: ${reply.error.message}`, { cause: reply.error });
  if (reply.status !== 200) throw new Error(`${path} answered ${reply.status}: ${reply.body.slice(0, 500)}`);
  return reply.body;
}
