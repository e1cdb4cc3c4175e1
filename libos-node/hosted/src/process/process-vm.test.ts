/** What is special about the plain-process target; the contract suite (test/contract) has the rest. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownersFolder } from '../owner/owner-folder.ts';
import type { BootOptions, Vm } from '../vm.ts';
import { bootProcess, createProcessBoot } from './process-vm.ts';

const options: BootOptions = { kind: `nodejs:${process.versions.node.split('.')[0]}`, memoryMb: 256 };

async function withVm<T>(use: (vm: Vm) => Promise<T>, more: Partial<BootOptions> = {}): Promise<T> {
  const vm = await bootProcess({ ...options, ...more });
  try {
    return await use(vm);
  } finally {
    await vm.end();
  }
}

function post(where: { socketPath: string } | { port: number }, path: string, body: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, host: '127.0.0.1', method: 'POST', path, agent: new Agent() }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** A process that nobody has waited for yet counts as gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !condition(); tries += 1) await new Promise((done) => setTimeout(done, 25));
  expect(condition()).toBe(true);
}

describe('bootProcess', () => {
  it('keeps the socket in a folder that only the owner may enter, and removes it', async () => {
    const folder = await withVm(async (vm) => {
      expect(statSync(dirname(vm.socketPath)).mode & 0o777).toBe(0o700);
      return dirname(vm.socketPath);
    });
    expect(existsSync(folder)).toBe(false);
  });

  it('ends what the action started', async () => {
    const pid = await withVm(async (vm) => {
      const code = `const main = () => ({ pid: require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']).pid })`;
      await post(vm, '/init', { value: { main: 'main', code } });
      const started = (JSON.parse(await post(vm, '/run', {})) as { pid: number }).pid;
      expect((await vm.stats()).pids).toContain(started);
      expect(await vm.cost()).toEqual({ faults: expect.any(Number) });
      return started;
    });
    await until(() => !isAlive(pid));
  });

  it('listens on a TCP port too, until the end', async () => {
    const port = await freePort();
    await withVm(
      async () => {
        expect(await post({ port }, '/run', {})).toBe('{"error":"System not initialized."}');
      },
      { port },
    );
    await expect(post({ port }, '/run', {})).rejects.toThrow('ECONNREFUSED');
  });

  it('rejects when the TCP port is taken, and leaves nothing', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const { port } = server.address() as { port: number };
    await expect(bootProcess({ ...options, port })).rejects.toMatchObject({ code: 'VM_BOOT_FAILED' });
    server.close();
  });

  it('cannot be snapshotted', async () => {
    await withVm((vm) => expect(vm.snapshot('x')).rejects.toMatchObject({ code: 'VM_NO_SNAPSHOT' }));
  });

  it('knows only kinds that it has a Node for', async () => {
    await expect(bootProcess({ ...options, kind: 'python:3' })).rejects.toMatchObject({ code: 'VM_IMAGE_MISSING' });
  });

  it('says why Node did not start', async () => {
    const boot = createProcessBoot({ nodes: { 'nodejs:0': '/nonexistent/node' } });
    await expect(boot({ ...options, kind: 'nodejs:0' })).rejects.toMatchObject({
      code: 'VM_BOOT_FAILED',
      message: expect.stringContaining('ENOENT'),
    });
    const broken = createProcessBoot({ nodes: { 'nodejs:0': '/bin/false' } });
    await expect(broken({ ...options, kind: 'nodejs:0' })).rejects.toMatchObject({ code: 'VM_BOOT_FAILED' });
  });

  it('gives up when Node does not listen in time', async () => {
    const boot = createProcessBoot({ nodes: { [options.kind]: process.execPath }, bootTimeoutMs: 1 });
    await expect(boot(options)).rejects.toMatchObject({ code: 'VM_BOOT_TIMEOUT' });
  });

  it('gives up when aborted, before and during the start', async () => {
    await expect(bootProcess({ ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'VM_ABORTED',
    });
    const control = new AbortController();
    const booting = bootProcess({ ...options, signal: control.signal });
    setTimeout(() => control.abort(), 5);
    await expect(booting).rejects.toMatchObject({ code: 'VM_ABORTED' });
    // An abort after the boot has no effect.
    const late = new AbortController();
    await withVm(
      async (vm) => {
        late.abort();
        expect(await post(vm, '/run', {})).toBe('{"error":"System not initialized."}');
      },
      { signal: late.signal },
    );
  });

  it('reports a VM that somebody else killed', async () => {
    await withVm(async (vm) => {
      const { pids } = await vm.stats();
      process.kill(pids[0] ?? 0, 'SIGSEGV');
      expect(await vm.exited).toEqual({ reason: 'fault', signal: 'SIGSEGV' });
      expect(await vm.end()).toEqual({ reason: 'fault', signal: 'SIGSEGV' });
    });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('does not outlive a host process that dies of %s', async (signal) => {
    const module = new URL('./process-vm.ts', import.meta.url).href;
    const script = `import { bootProcess } from ${JSON.stringify(module)};
      const vm = await bootProcess(${JSON.stringify(options)});
      console.log((await vm.stats()).pids[0] + ' ' + vm.socketPath);
      setInterval(() => {}, 1000);`;
    const host = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [id, path = ''] = String(await new Promise<Buffer>((resolve) => host.stdout.once('data', resolve))).split(
      ' ',
    );
    const pid = Number(id);
    expect(isAlive(pid)).toBe(true);
    host.kill(signal);
    await until(() => !isAlive(pid) && !existsSync(dirname(path)));
  });

  it('leaves no folder when the host process exits', async () => {
    const module = new URL('./process-vm.ts', import.meta.url).href;
    const script = `import { bootProcess } from ${JSON.stringify(module)}; const vm = await bootProcess(${JSON.stringify(options)});
      console.log(vm.socketPath); process.exit(0);`;
    const host = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const path = String(await new Promise<Buffer>((resolve) => host.stdout.once('data', resolve))).trim();
    await new Promise((done) => host.once('close', done));
    expect(path).toContain(`${ownersFolder()}/`);
    await until(() => !existsSync(dirname(path)));
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
