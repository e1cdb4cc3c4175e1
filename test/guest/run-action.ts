/** Boots a VM, gives it one action, runs it, and ends the VM: the shortest way from source text to a result, for tests of the guest. */
import type { BootOptions, BootVm, ExitReport, Vm } from '@ebbwhisk/libos-node';
import { Client } from 'undici';

export interface ActionOutcome {
  readonly init: { readonly status: number; readonly body: unknown };
  /** Undefined when the connection broke: the VM died. */
  readonly run: { readonly status: number; readonly body: unknown } | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Set when the VM died by itself. */
  readonly exit: ExitReport | undefined;
}

export interface ActionOptions extends Partial<BootOptions> {
  readonly parameters?: Record<string, unknown>;
  readonly binary?: boolean;
  readonly main?: string;
}

async function post(client: Client, path: string, value: unknown): Promise<{ status: number; body: unknown }> {
  const response = await client.request({
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });
  const text = await response.body.text();
  return { status: response.statusCode, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

export async function runAction(boot: BootVm, code: string, options: ActionOptions = {}): Promise<ActionOutcome> {
  const { parameters = {}, binary = false, main = 'main', ...bootOptions } = options;
  const vm: Vm = await boot({ kind: 'nodejs:24', memoryMb: 256, ...bootOptions });
  const output = { stdout: '', stderr: '' };
  vm.onLog((record) => {
    output[record.stream] += Buffer.from(record.bytes).toString('utf8');
  });
  let exit: ExitReport | undefined;
  void vm.exited.then((report) => {
    exit = report;
  });
  const client = new Client('http://vm', { socketPath: vm.socketPath, headersTimeout: 60_000, bodyTimeout: 60_000 });
  try {
    const init = await post(client, '/init', { value: { name: 'test', main, code, binary } });
    let run: ActionOutcome['run'];
    try {
      run = await post(client, '/run', {
        value: parameters,
        action_name: '/guest/test',
        activation_id: '0'.repeat(32),
      });
      await vm.flushLogs();
    } catch {
      exit = await vm.exited;
    }
    return { init, run, ...output, exit };
  } finally {
    await client.destroy();
    await vm.end();
  }
}
