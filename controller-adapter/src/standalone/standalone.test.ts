import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakeHost } from '@ebbwhisk/invoker/testing/fake-vm.ts';
import { pino } from 'pino';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestAuth } from '../testing/harness.ts';
import { lockDataDir } from './lock.ts';
import { formatLine } from './log.ts';
import { type Stack, type StackOptions, startStack } from './stack.ts';
import { apiHostOf } from './targets.ts';

let dir: string;
const stacks: Stack[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ebbwhisk-stack-'));
});
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.close();
  rmSync(dir, { recursive: true, force: true });
});

async function start(options: Partial<StackOptions> = {}): Promise<Stack> {
  const stack = await startStack({
    port: 0,
    host: '127.0.0.1',
    dataDir: join(dir, 'data'),
    target: 'process',
    tender: 'auto',
    memoryMb: 1024,
    log: pino({ level: 'silent' }),
    boot: fakeHost().boot,
    ...options,
  });
  stacks.push(stack);
  return stack;
}

const authorization = `Basic ${Buffer.from(guestAuth).toString('base64')}`;
async function call(stack: Stack, method: 'GET' | 'PUT' | 'POST', path: string, body?: string) {
  const { statusCode, body: stream } = await request(`${stack.url}/api/v1/namespaces/_/${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    body: body ?? null,
  });
  return { status: statusCode, json: (await stream.json()) as Record<string, unknown> };
}
const put = (stack: Stack) =>
  call(stack, 'PUT', 'actions/echo', '{"exec":{"kind":"nodejs:24","code":"function main(a) { return a; }"}}');

describe('the stack', () => {
  it('runs an action through the real invoker as soon as it has started', async () => {
    const stack = await start();
    expect((await put(stack)).status).toBe(200);
    const { status, json } = await call(stack, 'POST', 'actions/echo?blocking=true', '{"a":1}');
    expect(status).toBe(200);
    expect(json).toMatchObject({ response: { result: { a: 1 }, status: 'success' }, name: 'echo' });
    const record = await call(stack, 'GET', `activations/${String(json.activationId)}`);
    expect(record.json).toMatchObject({ activationId: json.activationId, namespace: 'guest' });
  });

  it('tells actions where the API is, and lets them reach it', async () => {
    const host = fakeHost();
    const stack = await start({ boot: host.boot, target: 'libos', gatewayPorts: [4444] });
    await put(stack);
    await call(stack, 'POST', 'actions/echo?blocking=true', '{}');
    expect(host.vms[0]?.options.gatewayPorts).toEqual([stack.port, 4444]);
    const init = JSON.parse(host.vms[0]?.requests[0]?.body ?? '') as { value: { env: Record<string, string> } };
    expect(init.value.env.__OW_API_HOST).toBe(`http://10.0.2.2:${stack.port}`);
    expect(apiHostOf('process', 1)).toBe('http://127.0.0.1:1');
  });

  it('keeps entities and activations across a restart', async () => {
    const first = await start();
    await put(first);
    const { json } = await call(first, 'POST', 'actions/echo?blocking=true', '{"a":1}');
    await first.close();
    const second = await start();
    expect((await call(second, 'GET', 'actions/echo')).json).toMatchObject({ version: '0.0.1' });
    expect((await call(second, 'GET', `activations/${String(json.activationId)}`)).status).toBe(200);
    expect(statSync(join(dir, 'data')).mode & 0o777).toBe(0o700);
  });

  it('lets a blocking request end before it closes', async () => {
    const host = fakeHost({
      onRequest: ({ path }) => (path === '/run' ? new Promise((resolve) => setTimeout(resolve, 400)) : undefined),
    });
    const stack = await start({ boot: host.boot });
    await put(stack);
    const answer = call(stack, 'POST', 'actions/echo?blocking=true', '{"a":1}');
    await expect.poll(() => host.vms[0]?.requests.length).toBe(2);
    const closed = stack.close();
    expect((await answer).json).toMatchObject({ response: { result: { a: 1 } } });
    await closed;
    expect(host.vms.every((vm) => vm.ended)).toBe(true);
    await expect(call(stack, 'GET', 'actions')).rejects.toThrow();
  });

  it('refuses a port that is in use, and leaves nothing behind', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(start({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    server.close();
    await start({ port });
  });

  it('refuses a data folder that is in use, and takes it when it is free', async () => {
    const first = await start();
    await expect(start()).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await first.close();
    await start();
  });
});

describe('the lock', () => {
  it('is gone with its process, however that ended', async () => {
    const module = JSON.stringify(fileURLToPath(new URL('./lock.ts', import.meta.url)));
    const program = `(await import(${module})).lockDataDir(${JSON.stringify(dir)}); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    expect(() => lockDataDir(dir)).toThrow(expect.objectContaining({ code: 'DATA_DIR_IN_USE' }));
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
    lockDataDir(dir).release();
  });

  it('needs a folder that can be made', () => {
    expect(() => lockDataDir('/dev/null/x')).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNUSABLE' }));
  });
});

it('log lines for people keep control characters of guests out', () => {
  const line = formatLine(
    '{"level":40,"time":0,"msg":"bad\\u001b[2J","name":"a\\u0000b","err":{"stack":"Error: x\\n at y"}}',
  );
  expect(line).toBe('00:00:00.000 WARN  bad?[2J name=a?b\nError: x\n at y\n');
});

describe('npm start', () => {
  const entry = fileURLToPath(new URL('../standalone.ts', import.meta.url));
  const run = (...args: string[]): ChildProcess => spawn(process.execPath, [entry, ...args]);
  async function ending(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const text = { stdout: '', stderr: '' };
    child.stdout?.on('data', (data) => (text.stdout += data));
    child.stderr?.on('data', (data) => (text.stderr += data));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, ...text };
  }

  it('explains its options', async () => {
    const { code, stdout } = await ending(run('--help'));
    expect(code).toBe(0);
    for (const name of [
      'port',
      'host',
      'tender',
      'target',
      'data-dir',
      'memory',
      'users',
      'gateway-port',
      'log-level',
    ]) {
      expect(stdout).toContain(`--${name} `);
    }
  });

  it.each([['--port', '70000'], ['--target', 'docker'], ['--memory', 'much'], ['extra'], ['--no-such']])(
    'refuses %s %s',
    async (...args) => {
      const { code, stderr } = await ending(run(...args));
      expect(code).toBe(1);
      expect(stderr).toMatch(/error:/);
    },
  );

  it('starts, prints what to copy, and ends on SIGTERM with 0', async () => {
    const args = ['--port', '0', '--target', 'process', '--data-dir', join(dir, 'data'), '--log-level', 'warn'];
    const child = run(...args);
    const end = ending(child);
    const ready = await new Promise<string>((resolve) => child.stdout?.on('data', (data) => resolve(String(data))));
    const [, url = ''] = /Ebbwhisk is ready at (http:\S+)/.exec(ready) ?? [];
    expect(ready).toContain(`wsk property set --apihost ${url} --auth ${guestAuth}`);
    expect(ready).toContain(`curl -u ${guestAuth} ${url}/api/v1/namespaces/_/actions`);
    expect((await request(`${url}/ping`)).statusCode).toBe(200);

    const second = await ending(run(...args));
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^DATA_DIR_IN_USE: /);
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(readFileSync(join(dir, 'data', 'lock.pid'), 'utf8').trim()).toBe(String(child.pid));

    child.kill('SIGTERM');
    expect((await end).code).toBe(0);
  });
});
