/** What a debugger can do with a guest: attach through the port that its tender exposes, stop, look, step, go on. */
import type { BootVm, ExposedPort, Vm, VmError } from '@ebbwhisk/libos-node';
import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { DebuggerClient } from '../support/debugger.ts';
import { runAction } from './run-action.ts';

const code = `'use strict';
function main({ a }) {
  const b = a * 2;
  const c = b + 1;
  return { c, isStrict: (function () { return this === undefined; })() };
}`;

const module_ = `import { version } from 'node:process';
export function main({ a }) {
  const b = a * 2;
  return { b, major: version.split('.')[0] };
}`;

const anywhere = { host: '127.0.0.1', port: 0 };

async function withVm(boot: BootVm, options: object, use: (vm: Vm, post: Post) => Promise<void>): Promise<void> {
  const vm = await boot({ kind: 'nodejs:24', memoryMb: 256, ...options });
  const client = new Client('http://vm', { socketPath: vm.socketPath });
  const post: Post = async (path, value) => {
    const headers = { 'content-type': 'application/json' };
    const { body } = await client.request({ path, method: 'POST', headers, body: JSON.stringify({ value }) });
    return (await body.json()) as unknown;
  };
  try {
    await use(vm, post);
  } finally {
    await client.destroy();
    await vm.end();
  }
}
type Post = (path: string, value: object) => Promise<unknown>;

function addressOf({ inspector }: Vm): string {
  if (inspector === undefined) throw new Error('the VM does not tell where its inspector is');
  return `${inspector.host}:${inspector.port}`;
}

/** Opens the inspector and reaches it from inside. Port 0: a plain process shares the ports of the host with others. */
const fromInside = (open: string) => `async function main() {
  const inspector = require('node:inspector');
  const before = inspector.url() ?? null;
  process.debugPort = 0;
  ${open};
  for (let n = 0; n < 500 && inspector.url() === undefined; n++) await new Promise((done) => setTimeout(done, 10));
  const { host } = new URL(inspector.url());
  const [target] = await (await fetch('http://' + host + '/json/list')).json();
  inspector.close();
  return { before, same: target.webSocketDebuggerUrl === undefined ? null : new URL(target.webSocketDebuggerUrl).host === host,
    after: inspector.url() ?? null, goesOn: await new Promise((done) => setTimeout(done, 5, true)) };
}`;

export function inspectorFeatures(name: string, boot: BootVm, kind = 'nodejs:24'): void {
  describe(`inspector: ${name}`, () => {
    test('a breakpoint in the action is hit by /run; variables, a step, and the right result', async () => {
      await withVm(boot, { kind, inspect: anywhere }, async (vm, post) => {
        expect(vm.inspector?.host).toBe('127.0.0.1');
        expect(await post('/init', { name: 'debugged', main: 'main', code })).toEqual({ OK: true });
        const client = await DebuggerClient.attach(addressOf(vm));
        await client.call('Debugger.setBreakpointByUrl', { lineNumber: 3, urlRegex: 'action\\.js$' });
        const answer = post('/run', { a: 20 });
        answer.catch(() => {}); // What went wrong before is what counts.
        const stopped = await client.paused();
        expect([stopped.line, stopped.functionName]).toEqual([3, 'main']);
        expect(stopped.url).toMatch(/action\.js$/);
        expect(await stopped.evaluate('[a, b, typeof process.pid]')).toEqual([20, 40, 'number']);
        await client.call('Debugger.stepOver');
        const stepped = await client.paused();
        expect([stepped.line, await stepped.evaluate('c')]).toEqual([4, 41]);
        await client.call('Debugger.resume');
        expect(await answer).toEqual({ c: 41, isStrict: true });
        client.close();
        // Without a debugger the breakpoint is gone.
        expect(await post('/run', { a: 1 })).toEqual({ c: 3, isStrict: true });
        // And another one can come.
        const second = await DebuggerClient.attach(addressOf(vm));
        const { result } = (await second.call('Runtime.evaluate', { expression: '6 * 7' })) as unknown as {
          result: { value: number };
        };
        expect(result.value).toBe(42);
        second.close();
      });
    });

    test.each([
      ['a script', code, { c: 41, isStrict: true }],
      ['an ES module', module_, { b: 40, major: expect.stringMatching(/^v\d+$/) }],
    ])('asked to wait, %s stops before its first line', async (_, source, result) => {
      await withVm(boot, { kind, inspect: { ...anywhere, wait: true } }, async (vm, post) => {
        let served = false;
        const initialised = post('/init', { name: 'debugged', main: 'main', code: source }).finally(() => {
          served = true;
        });
        const client = await DebuggerClient.attach(addressOf(vm));
        await new Promise((done) => setTimeout(done, 100));
        expect(served).toBe(false);
        await client.call('Runtime.runIfWaitingForDebugger');
        const stopped = await client.paused();
        expect(stopped.url).toMatch(/action\.m?js$/);
        expect(stopped.line).toBe(0);
        await client.call('Debugger.resume');
        expect(await initialised).toEqual({ OK: true });
        expect(await post('/run', { a: 20 })).toEqual(result);
        client.close();
      });
    });

    test.each([
      ['SIGUSR1', "process.kill(process.pid, 'SIGUSR1')"],
      ['inspector.open()', 'inspector.open(0)'],
    ])('an action opens its own with %s, which only it can reach', async (_, open) => {
      const { run } = await runAction(boot, fromInside(open), { kind });
      expect(run).toEqual({ status: 200, body: { before: null, same: true, after: null, goesOn: true } });
    });

    test('nothing is exposed unless asked for, and then on loopback only', async () => {
      await withVm(boot, { kind }, (vm) => {
        expect([vm.inspector, vm.exposed]).toEqual([undefined, undefined]);
        return Promise.resolve();
      });
      const refused = boot({ kind, memoryMb: 256, inspect: { host: '0.0.0.0', port: 0 } });
      await expect(refused).rejects.toMatchObject({ code: 'VM_ADDRESS_REFUSED' } satisfies Partial<VmError>);
      await withVm(boot, { kind, inspect: { host: '0.0.0.0', port: 0 }, allowRemote: true }, (vm) => {
        expect(vm.inspector?.host).toBe('0.0.0.0');
        return Promise.resolve();
      });
    });
  });
}

/** For VMs: a plain process has the ports of the host as they are. */
export function exposedPorts(name: string, boot: BootVm): void {
  describe(`exposed ports: ${name}`, () => {
    const server = `async function main() {
      const server = require('node:http').createServer((request, response) => response.end('from the guest'));
      await new Promise((done) => server.listen(7777, '0.0.0.0', done));
      return {};
    }`;

    test('a server of the action is reached at each of its addresses', async () => {
      const expose: ExposedPort[] = [
        { guestPort: 7777, ...anywhere },
        { guestPort: 7777, host: '127.0.0.9', port: 0 },
      ];
      await withVm(boot, { expose }, async ({ exposed = [] }, post) => {
        await post('/init', { name: 'server', main: 'main', code: server });
        await post('/run', {});
        expect(exposed.map(({ host, guestPort }) => [host, guestPort])).toEqual([
          ['127.0.0.1', 7777],
          ['127.0.0.9', 7777],
        ]);
        for (const { host, port } of exposed) {
          expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe('from the guest');
        }
        const taken = boot({ kind: 'nodejs:24', memoryMb: 256, expose: [...exposed] });
        await expect(taken).rejects.toMatchObject({
          code: 'VM_BOOT_FAILED',
          message: expect.stringContaining(`127.0.0.1:${exposed[0]?.port}: Address already in use`) as unknown,
        });
      });
    });
  });
}
