import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { bootProcess } from '@ebbwhisk/libos-node';
import { pino } from 'pino';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, type StackOptions, startStack } from '../standalone/stack.ts';
import { guestAuth } from '../testing/harness.ts';
import { runManagement } from './commands.ts';
import type { VmRow } from './protocol.ts';
import { vmTable } from './table.ts';

const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-mgmt-'));
const dataDir = join(folder, 'data');
const socket = join(dataDir, 'control.sock');
let stack: Stack;

function start(options: Partial<StackOptions> = {}): Promise<Stack> {
  const log = pino({ level: 'silent' });
  return startStack({
    port: 0,
    host: '127.0.0.1',
    dataDir,
    target: 'process',
    tender: 'auto',
    memoryMb: 1024,
    log,
    boot: bootProcess,
    drainMs: 2_000,
    ...options,
  });
}

beforeAll(async () => {
  stack = await start();
});
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(method: 'PUT' | 'POST', path: string, body: object) {
  const { statusCode, body: stream } = await request(`${stack.url}/api/v1/namespaces/_/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(guestAuth).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  return { status: statusCode, json: (await stream.json()) as Record<string, unknown> };
}
const create = (name: string, code: string) => call('PUT', `actions/${name}`, { exec: { kind: 'nodejs:24', code } });
const invoke = (name: string, args: object = {}) => call('POST', `actions/${name}?blocking=true`, args);

/** A run of a command, whose output can be seen before it has ended. */
function begin(...argv: string[]) {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const stop = new AbortController();
  const args = argv.includes('--data-dir') ? argv : [...argv, '--data-dir', dataDir];
  const status = runManagement(args, { stdout: sink('out'), stderr: sink('err'), signal: stop.signal });
  return { text, stop, status };
}
async function run(...argv: string[]) {
  const { text, status } = begin(...argv);
  return { status: await status, ...text };
}

async function rows(): Promise<VmRow[]> {
  return JSON.parse((await run('ps', '--json')).out) as VmRow[];
}
async function rowOf(name: string): Promise<VmRow | undefined> {
  return (await rows()).find(({ action }) => action === `guest/${name}`);
}
const idOf = async (name: string) => (await rowOf(name))?.id ?? `no VM of ${name}`;

describe('the socket', () => {
  it('belongs to the owner of the data folder alone', () => {
    expect(statSync(socket).isSocket()).toBe(true);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  it('tells of its stack, and answers what it does not know with an error', async () => {
    const { createConnection } = await import('node:net');
    const ask = (head: string) =>
      new Promise<string>((resolve) => {
        let text = '';
        const connection = createConnection(socket).on('data', (data) => (text += data));
        connection.on('close', () => resolve(text)).write(`${head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      });
    expect(await ask('GET /status')).toMatch(
      new RegExp(`"pid":${process.pid},"url":"${stack.url}".*"state":"running"`),
    );
    expect(await ask('GET /metrics')).toMatch(/text\/plain.*ebbwhisk_invoker_phase_seconds histogram/s);
    expect(await ask('GET /elsewhere')).toMatch(/404.*"code":"PATH_UNKNOWN"/s);
    expect(await ask('GET /vms/x/kill')).toMatch(/405.*"code":"METHOD_NOT_ALLOWED"/s);
    expect(await ask('POST /vms/%zz/kill')).toMatch(/404.*"code":"VM_UNKNOWN"/s);
  });

  it('replaces a stale one, refuses to replace a file, and goes with its stack', async () => {
    const other = join(folder, 'other');
    mkdirSync(other, { mode: 0o700 });
    const path = join(other, 'control.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((done) => spawn(process.execPath, ['-e', script]).once('close', done));
    expect(existsSync(path)).toBe(true);
    expect(await run('ps', '--data-dir', other)).toMatchObject({ status: 2, out: '' });
    const second = await start({ dataDir: other });
    expect(await run('ps', '--json', '--data-dir', other)).toEqual({ status: 0, out: '[]\n', err: '' });
    await second.close();
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, 'mine');
    await expect(start({ dataDir: other })).rejects.toMatchObject({ code: 'CONTROL_UNUSABLE' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('must fit into a socket address', async () => {
    const long = join(folder, 'x'.repeat(100));
    await expect(start({ dataDir: long })).rejects.toMatchObject({
      code: 'CONTROL_PATH_TOO_LONG',
      message: expect.stringContaining('at most 107'),
    });
    expect(existsSync(long)).toBe(false);
  });
});

describe('ps and top', () => {
  it('list each VM with its figures', async () => {
    await create('listed', 'function main() { return {}; }');
    await invoke('listed');
    await invoke('listed');
    await expect.poll(async () => (await rowOf('listed'))?.served).toBe(2);
    const row = await rowOf('listed');
    expect(row).toMatchObject({
      namespace: 'guest',
      state: 'idle',
      start: 'cold',
      active: 0,
      memoryLimitMb: 256,
      exits: null,
      faults: null,
    });
    expect(row?.memoryBytes).toBeGreaterThan(1024 * 1024);
    expect(row?.cpuMs).toBeGreaterThan(0);
    expect(row?.uptimeMs).toBeGreaterThan(0);
    expect(row?.revision).toMatch(/^1-/);
    // That these are processes, and not ours.
    for (const pid of row?.pids ?? [0]) expect(process.kill(pid, 0) && pid !== process.pid).toBe(true);
    const { out, err, status } = await run('ps');
    const [titles, ...lines] = out.split('\n');
    expect(titles).toMatch(/^VM +ACTION +STATE +START +FROM +RUNS +MEMORY +CPU +EXITS +FAULTS +UPTIME +PIDS$/);
    expect(lines.find((line) => line.startsWith(`${row?.id} `))).toMatch(
      / guest\/listed +idle +cold +boot +2 +[\d.]+ \/ 256 MB +\d+ ms +- /,
    );
    expect({ err, status }).toEqual({ err: '', status: 0 });
  });

  it('refreshes as often as asked, without terminal codes when there is no terminal', async () => {
    const { out, status } = await run('top', '--count', '2');
    expect(status).toBe(0);
    expect(out.match(/^VM /gm)).toHaveLength(2);
    expect(out).not.toContain('\u001b');
    const lines = (await run('top', '--json', '--count', '2')).out.trim().split('\n');
    expect(lines.map((line) => Array.isArray(JSON.parse(line)))).toEqual([true, true]);
  });

  it('ends in order on Ctrl-C', async () => {
    const { text, stop, status } = begin('top');
    await expect.poll(() => text.out).toContain('VM');
    stop.abort();
    expect(await status).toBe(0);
    expect(text.err).toBe('');
  });

  it('shows what is not known as a dash, and no control characters', () => {
    const row: VmRow = {
      id: null,
      namespace: 'a',
      action: 'b/\u001b[2J',
      revision: '1-x',
      state: 'starting',
      start: null,
      origin: null,
      active: 1,
      served: 0,
      memoryLimitMb: 128,
      memoryBytes: null,
      cpuMs: null,
      exits: null,
      faults: null,
      uptimeMs: null,
      pids: [],
    };
    expect(vmTable([row]).split('\n')[1]).toMatch(
      /^- +b\/\?\[2J for a +starting +- +- +0 +- \/ 128 MB +- +- +- +- +-$/,
    );
    expect(vmTable([{ ...row, uptimeMs: 3_723_000, exits: 17, faults: 3 }])).toMatch(/17 +3 +1:02:03/);
  });
});

describe('logs', () => {
  it('prints the last lines of a VM, or of all', async () => {
    await create('loud', 'function main({ n }) { console.log("run", n); console.error("\u001b[2Joops"); return {}; }');
    await invoke('loud', { n: 1 });
    await invoke('loud', { n: 2 });
    const id = await idOf('loud');
    const { out, status } = await run('logs', id);
    expect(status).toBe(0);
    const lines = out.trim().split('\n');
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z std(out|err): /);
    const of = (stream: string) =>
      lines.filter((line) => line.includes(` ${stream}: `)).map((line) => line.replace(/^.*?: /, ''));
    expect(of('stdout')).toEqual(['run 1', 'run 2']);
    expect(of('stderr')).toEqual(['?[2Joops', '?[2Joops']);
    expect((await run('logs')).out).toContain(`${id} `);
    const json = JSON.parse((await run('logs', id, '--json')).out) as object[];
    expect(json).toHaveLength(4);
    expect(json).toContainEqual({ vm: id, time: expect.any(Number), stream: 'stdout', text: 'run 2' });
  });

  it('follows one VM until it ends', async () => {
    await create('followed', 'function main({ n }) { console.log("line", n); return {}; }');
    await invoke('followed', { n: 1 });
    const id = await idOf('followed');
    const { text, status } = begin('logs', id, '--follow');
    await expect.poll(() => text.out).toContain('line 1');
    await invoke('followed', { n: 2 });
    await expect.poll(() => text.out).toContain('line 2');
    await run('kill', id);
    expect(await status).toBe(0);
    expect(text.out.match(/line 1/g)).toHaveLength(1);
  });

  it('follows all VMs, later ones too', async () => {
    const { text, stop, status } = begin('logs', '-f');
    await create('later', 'function main() { console.log("here I am"); return {}; }');
    await invoke('later');
    const id = await idOf('later');
    await expect.poll(() => text.out, { timeout: 5_000 }).toContain('here I am');
    expect(text.out).toMatch(new RegExp(`^${id} \\S+ stdout: here I am$`, 'm'));
    stop.abort();
    expect(await status).toBe(0);
  });
});

describe('kill', () => {
  it('ends a VM; its activation fails as when a VM dies, and the next gets a new one', async () => {
    await create(
      'stuck',
      'function main({ wait }) { return new Promise((done) => setTimeout(done, wait, { ok: true })); }',
    );
    expect((await invoke('stuck', { wait: 1 })).status).toBe(200);
    const answer = invoke('stuck', { wait: 30_000 });
    await expect.poll(async () => (await rowOf('stuck'))?.state).toBe('busy');
    const row = await rowOf('stuck');
    const id = row?.id ?? '';
    expect(await run('kill', id)).toEqual({ status: 0, out: `${id} ended\n`, err: '' });
    for (const pid of row?.pids ?? []) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(row?.pids.length).toBeGreaterThan(0);
    const { status, json } = await answer;
    expect(status).toBe(502);
    expect(json).toMatchObject({
      response: {
        status: 'action developer error',
        result: { error: expect.stringContaining('did not produce a valid response') },
      },
    });
    expect(await rowOf('stuck')).toBeUndefined();
    expect((await invoke('stuck', { wait: 1 })).json).toMatchObject({ response: { result: { ok: true } } });
    expect(await idOf('stuck')).not.toBe(id);
  });

  it('tells of an unknown id with status 2, and ends the others', async () => {
    await create('victim', 'function main() { return {}; }');
    await invoke('victim');
    const id = await idOf('victim');
    const { status, out, err } = await run('kill', 'no/such', id);
    expect({ status, out, err }).toEqual({
      status: 2,
      out: `${id} ended\n`,
      err: 'VM_UNKNOWN: There is no VM no/such.\n',
    });
    expect(await rowOf('victim')).toBeUndefined();
    expect(await run('logs', id)).toEqual({ status: 2, out: '', err: `VM_UNKNOWN: There is no VM ${id}.\n` });
  });
});

describe('reports', () => {
  it('lists what a stack that is gone left, among others, and says all of it to programs', async () => {
    const gone = join(folder, 'gone');
    const report = {
      version: 1,
      time: '2026-01-02T03:04:05.678Z',
      vm: 'libos-1\u001b',
      culprit: 'tender',
      kind: 'nodejs:24',
    };
    const more = {
      tender: { kind: 'kvm', pid: 1, path: '' },
      uptimeMs: 61_000,
      signal: 'SIGSEGV',
      exit: { reason: 'tender' },
    };
    mkdirSync(join(gone, 'reports'), { recursive: true });
    const file = join(gone, 'reports', '2026-01-02T03-04-05.678Z-tender-libos-1-1.json');
    writeFileSync(file, JSON.stringify({ ...report, ...more }));
    const { out, status, err } = await run('reports', '--data-dir', gone);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(/^TIME +VM +CRASHED +KIND +TENDER +SIGNAL +UPTIME +REPORT$/m);
    expect(out).toMatch(/^2026-01-02T03:04:05.678Z +libos-1\? +tender +nodejs:24 +kvm +SIGSEGV +1:01 +\S+$/m);
    const all = JSON.parse((await run('reports', '--json', '--data-dir', gone)).out) as { file: string }[];
    expect(all).toContainEqual({ ...report, ...more, file });
  });
});

describe('the command lines', () => {
  it.each(['ps', 'top', 'logs', 'kill'])('%s explains itself and says when no stack runs', async (name) => {
    const help = await run(name, '--help');
    expect(help).toMatchObject({ status: 0, err: '' });
    expect(help.out).toContain(`npm run ${name} --`);
    expect(help.out).toContain('--data-dir');
    const nowhere = join(folder, 'nowhere');
    const { status, out, err } = await run(name, ...(name === 'kill' ? ['x'] : []), '--data-dir', nowhere);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toBe(
      `STACK_MISSING: No stack runs on ${nowhere}; start one with \`npm start\`, or name another with --data-dir.\n`,
    );
  });

  it.each([['ps', 'extra'], ['top', '--count', '0'], ['logs', '--json', '-f'], ['kill'], ['elsewhere']])(
    'refuses %s %s %s',
    async (...argv) => {
      const { status, out, err } = await run(...argv);
      expect({ status, out }).toEqual({ status: 2, out: '' });
      expect(err).toMatch(/error:|usage:/);
    },
  );

  it('does not take another program for a stack', async () => {
    const other = join(folder, 'strange');
    mkdirSync(other);
    const server = createServer((connection) => connection.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'));
    await new Promise<void>((done) => server.listen(join(other, 'control.sock'), done));
    const { status, err } = await run('ps', '--data-dir', other);
    server.close();
    expect(status).toBe(1);
    expect(err).toMatch(/^STACK_UNREADABLE: /);
  });

  it('work as programs', async () => {
    const entry = fileURLToPath(new URL('./cli.ts', import.meta.url));
    const child = spawn(process.execPath, [entry, 'ps', '--json', '--data-dir', dataDir]);
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    const code = await new Promise((done) => child.once('close', done));
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(Array.isArray(JSON.parse(out))).toBe(true);
  });
});
