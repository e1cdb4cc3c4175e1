import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VmError } from '../errors.ts';
import { defaultProfile, imageFileName } from '../paths.ts';
import type { BootOptions, LogRecord, Vm } from '../vm.ts';
import { readReports } from './crash-report.ts';
import { createBootLibos } from './libos-vm.ts';

let folder: string;
let boot: (script: string, more?: Partial<BootOptions>, timeoutMs?: number) => Promise<Vm>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-test-'));
  writeFileSync(join(folder, imageFileName('nodejs:24', defaultProfile)), 'not looked at');
  // The tender is started without an environment, so the stand-in names its interpreter.
  const tenderPath = join(folder, 'ebbtender');
  writeFileSync(
    tenderPath,
    `#!/bin/sh\nexec ${process.execPath} ${join(import.meta.dirname, 'fake-tender.ts')} "$@"\n`,
  );
  chmodSync(tenderPath, 0o755);
  boot = (script, more = {}, bootTimeoutMs = 10_000) =>
    createBootLibos({
      tenderPath,
      imagesFolder: folder,
      reportsFolder: join(folder, 'reports'),
      bootTimeoutMs,
      statsTimeoutMs: 200,
    })({
      kind: 'nodejs:24',
      memoryMb: 128,
      ...more,
      env: { SCRIPT: script, ...more.env },
    });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function textOf(records: readonly LogRecord[]): string {
  return records.map(({ stream, bytes }) => `${stream}:${Buffer.from(bytes).toString()}`).join('');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function failure(promise: Promise<unknown>): Promise<VmError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof VmError)) throw new Error(`expected a VmError, got ${String(error)}`);
  return error;
}

test('boots, answers on its socket, and leaves nothing behind', async () => {
  const vm = await boot('serve');
  expect(statSync(dirname(vm.socketPath)).mode & 0o777).toBe(0o700);
  expect(vm.socketPath.length).toBeLessThan(108);
  const answer = await new Promise<string>((resolve, reject) => {
    connect(vm.socketPath)
      .on('data', (bytes) => resolve(bytes.toString()))
      .on('error', reject);
  });
  expect(answer).toBe('hello');
  const { pids } = await vm.stats();
  expect(await vm.end()).toEqual({ reason: 'ended' });
  expect(await vm.end()).toEqual({ reason: 'ended' });
  expect(await vm.exited).toEqual({ reason: 'ended' });
  expect(pids.some(isAlive)).toBe(false);
  expect(existsSync(vm.socketPath)).toBe(false);
  expect(existsSync(dirname(vm.socketPath))).toBe(false);
});

test('passes the options on, and nothing of its own environment', async () => {
  const vm = await boot('arguments', {
    tender: 'process',
    port: 8080,
    env: { NAME: 'a=b c' },
    gatewayPorts: [3233, 9999],
    allowPrivateNetworks: true,
  });
  const records: LogRecord[] = [];
  vm.onLog((record) => records.push(record));
  const { args, env } = JSON.parse(textOf(records).slice('stdout:'.length)) as { args: string[]; env: object };
  const image = join(folder, imageFileName('nodejs:24', defaultProfile));
  expect(args).toEqual(
    ['run', '--image', image, '--tender', 'process', '--memory', '128', '--report-fd', '3', '--socket', vm.socketPath]
      .concat(['--port', '8080', '--gateway-port', '3233', '--gateway-port', '9999', '--allow-private'])
      .concat(['--env', 'SCRIPT=arguments', '--env', 'NAME=a=b c']),
  );
  // The shell that stands before the stand-in sets PWD and its like.
  expect(Object.keys(env).filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name))).toEqual([]);
  await vm.end();
});

test('an inspector is a setting of the runtime and a port that the tender exposes; the tender tells which', async () => {
  const vm = await boot('arguments', {
    inspect: { host: '127.0.0.1', port: 0 },
    expose: [{ host: '127.0.0.2', port: 81, guestPort: 80 }],
  });
  const records: LogRecord[] = [];
  vm.onLog((record) => records.push(record));
  const { args } = JSON.parse(textOf(records).slice('stdout:'.length)) as { args: string[] };
  const text = args.join(' ');
  expect(text).toContain('--expose 127.0.0.1:0:9229 --expose 127.0.0.2:81:80');
  expect(text).toContain('--env EBB_RUNTIME_INSPECTOR=0.0.0.0:9229');
  expect(text).not.toContain('--allow-remote');
  expect(vm.inspector).toEqual({ host: '127.0.0.1', port: 41_000 });
  expect(vm.exposed).toEqual([{ host: '127.0.0.2', port: 81, guestPort: 80 }]);
  await vm.end();
  const refused = boot('serve', { expose: [{ host: '10.0.0.1', port: 80, guestPort: 80 }] });
  expect((await failure(refused)).code).toBe('VM_ADDRESS_REFUSED');
});

test('delivers records in order with their times, the early ones too, and traces by line', async () => {
  const lines: string[] = [];
  const vm = await boot('logs', { onTrace: (line) => lines.push(line) });
  const records: LogRecord[] = [];
  const stop = vm.onLog((record) => records.push(record));
  expect(textOf(records)).toBe('stdout:early out\nstderr:early err\n');
  expect(records[0]?.time).toBeCloseTo(1_700_000_000_123.456, 2);
  await vm.flushLogs();
  expect(textOf(records)).toMatch(/stdout:before the answer\n$/);
  stop();
  const count = records.length;
  await vm.flushLogs();
  expect(records.length).toBe(count);
  await vm.end();
  expect(lines).toEqual(['openat("/x") = 3', 'read(3) = 0', 'kernel says']);
});

test('keeps at most a bound of output for nobody, the last of it', async () => {
  const vm = await boot('flood');
  const sizes: number[] = [];
  vm.onLog(({ bytes }) => sizes.push(bytes.length));
  const kept = sizes.reduce((sum, size) => sum + size, 0);
  expect(kept).toBeGreaterThan(900_000);
  expect(kept).toBeLessThanOrEqual(2 ** 20);
  await vm.end();
});

test('tells what the VM uses', async () => {
  const vm = await boot('serve');
  const stats = await vm.stats();
  expect(stats).toMatchObject({ start: 'cold', exits: 42, faults: 7 });
  expect(stats.pids.length).toBeGreaterThan(0);
  expect(stats.memoryBytes).toBeGreaterThan(2 ** 20);
  expect(stats.uptimeMs).toBeGreaterThan(0);
  const cost = await vm.cost();
  expect(cost.exits).toBe(42);
  expect(cost.faults).toBeGreaterThanOrEqual(stats.hostFaults ?? Number.NaN);
  await vm.end();
  expect((await failure(vm.stats())).code).toBe('VM_ENDED');
  expect((await failure(vm.cost())).code).toBe('VM_ENDED');
});

test('a tender that does not answer delays statistics only so long', async () => {
  const vm = await boot('deaf');
  const stats = await vm.stats();
  expect(stats.exits).toBeUndefined();
  expect(stats.memoryBytes).toBeGreaterThan(0);
  expect(await vm.cost()).toEqual({});
  const flushed = vm.flushLogs();
  expect(await vm.end()).toEqual({ reason: 'ended' });
  await flushed;
});

test('reports an end by itself, and the guest status', async () => {
  const vm = await boot('exit3');
  expect(await vm.exited).toEqual({ reason: 'exit', code: 3 });
  await vm.flushLogs();
  expect(existsSync(vm.socketPath)).toBe(false);
});

test.each([
  ['dies', /SIGKILL/],
  ['brokenFrame', /frame of \d+ bytes/],
  ['cutFrame', /cut off/],
  ['badReport', /unreadable exit report/],
])('a tender that fails (%s) is reported as such', async (script, detail) => {
  const report = await (await boot(script)).exited;
  expect(report.reason).toBe('tender');
  expect(report.detail).toMatch(detail);
  const stored = (await readReports(join(folder, 'reports'))).find(({ file }) => file === report.crashReport);
  expect(stored).toMatchObject({ culprit: 'tender', ready: true, kind: 'nodejs:24', crash: null });
  // The environment of the guest, for one, is nobody's business.
  expect(readFileSync(report.crashReport ?? '', 'utf8')).not.toContain('SCRIPT');
});

test('ends that are none of a crash leave no report', async () => {
  const before = await readReports(join(folder, 'reports'));
  await (await boot('serve')).end();
  await (await boot('exit3')).exited;
  for (const script of ['badImage', 'noKvm']) await failure(boot(script));
  expect(await readReports(join(folder, 'reports'))).toEqual(before);
});

test('cannot be snapshotted', async () => {
  const vm = await boot('serve');
  expect((await failure(vm.snapshot('x'))).code).toBe('VM_NO_SNAPSHOT');
  await vm.end();
});

test('a guest that crashes while booting is told with its last words', async () => {
  const error = await failure(boot('crash'));
  expect(error.code).toBe('VM_BOOT_FAILED');
  expect(error.message).toMatch(/fault.*SIGSEGV.*rip 0x1234.*no such thing/s);
});

test.each([
  ['badImage', 'VM_IMAGE_BAD'],
  ['noKvm', 'VM_KVM_UNUSABLE'],
])('errors of the tender have codes (%s)', async (script, code) => {
  expect((await failure(boot(script))).code).toBe(code);
});

test('missing parts have codes', async () => {
  expect((await failure(boot('serve', { profile: 'general' }))).code).toBe('VM_IMAGE_MISSING');
  expect((await failure(boot('serve', { kind: 'nodejs:99' }))).code).toBe('VM_IMAGE_MISSING');
  expect((await failure(boot('serve', { kind: '../x:1' }))).code).toBe('VM_IMAGE_MISSING');
  const noTender = createBootLibos({ tenderPath: join(folder, 'none'), imagesFolder: folder, reportsFolder: folder });
  expect((await failure(noTender({ kind: 'nodejs:24', memoryMb: 128 }))).code).toBe('VM_TENDER_MISSING');
});

test('a tender that cannot be executed is a failed boot', async () => {
  const tenderPath = join(folder, 'not-executable');
  writeFileSync(tenderPath, 'x', { mode: 0o644 });
  const bootBroken = createBootLibos({ tenderPath, imagesFolder: folder });
  expect((await failure(bootBroken({ kind: 'nodejs:24', memoryMb: 128 }))).code).toBe('VM_BOOT_FAILED');
});

test('a guest that never listens is ended', async () => {
  const marker = join(folder, 'silent-pid');
  const error = await failure(boot('silent', { env: { MARKER: marker } }, 500));
  expect(error.code).toBe('VM_BOOT_TIMEOUT');
  expect(isAlive(Number(readFileSync(marker, 'utf8')))).toBe(false);
});

test('starting can be cancelled, before and meanwhile', async () => {
  expect((await failure(boot('serve', { signal: AbortSignal.abort() }))).code).toBe('VM_ABORTED');
  const marker = join(folder, 'cancelled-pid');
  const error = await failure(boot('silent', { env: { MARKER: marker }, signal: AbortSignal.timeout(500) }));
  expect(error.code).toBe('VM_ABORTED');
  expect(isAlive(Number(readFileSync(marker, 'utf8')))).toBe(false);
});

test('a host process that is killed takes its VMs with it', async () => {
  const marker = join(folder, 'orphan-pid');
  const program = `
    import { createBootLibos } from ${JSON.stringify(join(import.meta.dirname, 'libos-vm.ts'))};
    const boot = createBootLibos(${JSON.stringify({ tenderPath: join(folder, 'ebbtender'), imagesFolder: folder })});
    await boot({ kind: 'nodejs:24', memoryMb: 128, env: { SCRIPT: 'serve', MARKER: ${JSON.stringify(marker)} } });
    process.kill(process.pid, 'SIGKILL');`;
  await new Promise<void>((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '-e', program],
      { env: { ...process.env, TMPDIR: folder } },
      () => resolve(),
    );
  });
  const pid = Number(readFileSync(marker, 'utf8'));
  await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
});
