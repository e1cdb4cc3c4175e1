import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { VmError } from '../errors.ts';
import type { BootOptions, BootVm, ExitReport, LogRecord, Vm } from '../vm.ts';
import { runVmCommand } from './vm-command.ts';

class FakeVm {
  readonly listeners: ((record: LogRecord) => void)[] = [];
  readonly #end = Promise.withResolvers<ExitReport>();
  readonly vm: Vm = {
    id: 'fake',
    target: 'libos',
    origin: 'boot',
    socketPath: '/tmp/fake.sock',
    exited: this.#end.promise,
    onLog: (listener) => {
      this.listeners.push(listener);
      return () => {};
    },
    flushLogs: () => Promise.resolve(),
    stats: () => Promise.reject(new VmError('VM_ENDED')),
    cost: () => Promise.reject(new VmError('VM_ENDED')),
    snapshot: () => Promise.reject(new VmError('VM_NO_SNAPSHOT')),
    end: () => {
      this.finish({ reason: 'ended' });
      return this.vm.exited;
    },
  };

  finish(report: ExitReport): void {
    this.#end.resolve(report);
  }

  say(stream: LogRecord['stream'], text: string): void {
    for (const listener of this.listeners) listener({ stream, time: 0, bytes: Buffer.from(text) });
  }
}

interface Run {
  readonly fake: FakeVm;
  readonly stop: AbortController;
  readonly asked: BootOptions[];
  readonly status: Promise<number>;
  out(): string;
  err(): string;
}

function start(args: readonly string[], boot?: BootVm, ports: Partial<Vm> = {}): Run {
  const fake = new FakeVm();
  const stop = new AbortController();
  const asked: BootOptions[] = [];
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  let written = '';
  let complained = '';
  stdout.on('data', (bytes: Buffer) => (written += bytes.toString()));
  stderr.on('data', (bytes: Buffer) => (complained += bytes.toString()));
  const bootFake: BootVm = (options) => {
    asked.push(options);
    return Promise.resolve(Object.assign(fake.vm, ports));
  };
  const status = runVmCommand(args, { boot: boot ?? bootFake, stdout, stderr, stop: stop.signal });
  return { fake, stop, asked, status, out: () => written, err: () => complained };
}

test('passes its options on', async () => {
  const run = start(
    [
      '--kind',
      'nodejs:24',
      '--tender',
      'process',
      '--port',
      '9000',
      '--env',
      'A=1',
      '--env',
      'B=x=y',
      '--memory',
      '512',
    ].concat([
      '--profile',
      'general',
      '--gateway-port',
      '3233',
      '--gateway-port',
      '4000',
      '--allow-private',
      '--trace',
    ]),
  );
  run.stop.abort();
  expect(await run.status).toBe(0);
  expect(run.asked).toMatchObject([
    {
      kind: 'nodejs:24',
      tender: 'process',
      port: 9000,
      env: { A: '1', B: 'x=y' },
      memoryMb: 512,
      profile: 'general',
      gatewayPorts: [3233, 4000],
      allowPrivateNetworks: true,
    },
  ]);
  run.asked[0]?.onTrace?.('read(3) = 0');
  await expect.poll(run.err).toBe('ready\nread(3) = 0\n');
});

test('keeps the streams apart, `ready` first', async () => {
  const run = start(['--port', '9000']);
  await expect.poll(() => run.fake.listeners.length).toBe(1);
  run.fake.say('stdout', 'out\n');
  run.fake.say('stderr', 'err\n');
  run.stop.abort();
  expect(await run.status).toBe(0);
  expect(run.out()).toBe('out\n');
  expect(run.err()).toBe('ready\nerr\n');
});

test('without a port it says where the socket is', async () => {
  const run = start([]);
  run.stop.abort();
  await run.status;
  expect(run.err()).toBe('ready\nsocket /tmp/fake.sock\n');
});

test('an inspector and exposed ports are asked for and told', async () => {
  const run = start(['--port', '9000', '--inspect', '--expose', '8000:80', '--expose', '127.0.0.2:0:81']);
  run.stop.abort();
  await run.status;
  expect(run.asked[0]).toMatchObject({
    inspect: { host: '127.0.0.1', port: 9229 },
    expose: [
      { host: '127.0.0.1', port: 8000, guestPort: 80 },
      { host: '127.0.0.2', port: 0, guestPort: 81 },
    ],
  });
  expect(run.asked[0]?.inspect).not.toHaveProperty('wait');
  const brk = start(['--inspect-brk=localhost:0', '--allow-remote'], undefined, {
    inspector: { host: '127.0.0.1', port: 1 },
    exposed: [{ host: '127.0.0.1', port: 8000, guestPort: 80 }],
  });
  brk.stop.abort();
  await brk.status;
  expect(brk.asked[0]).toMatchObject({ inspect: { host: '127.0.0.1', port: 0, wait: true }, allowRemote: true });
  // Nothing listens there, so there is no URL to tell.
  expect(brk.err()).toMatch(/^ready\nsocket .*\nexposed 127\.0\.0\.1:8000 80\ninspector 127\.0\.0\.1:1\n$/);
  const none = start([]);
  none.stop.abort();
  await none.status;
  for (const name of ['inspect', 'expose', 'allowRemote']) expect(none.asked[0]).not.toHaveProperty(name);
});

test.each<[ExitReport, number, string]>([
  [{ reason: 'exit', code: 3 }, 3, 'the VM exited (status 3)\n'],
  [{ reason: 'abort', signal: 'SIGABRT' }, 134, 'the VM aborted (SIGABRT)\n'],
  [{ reason: 'fault', signal: 'SIGSEGV', detail: 'rip 0x0' }, 139, 'the VM faulted (SIGSEGV; rip 0x0)\n'],
  [{ reason: 'memory' }, 137, 'the VM ran out of memory\n'],
  [{ reason: 'tender', detail: 'gone' }, 1, 'the VM lost its tender (gone)\n'],
])('an end by itself is told (%j)', async (report, status, line) => {
  const run = start(['--port', '9000']);
  run.fake.finish(report);
  expect(await run.status).toBe(status);
  expect(run.err()).toBe(`ready\n${line}`);
});

test('a failed start is an error with its code', async () => {
  const run = start([], () => Promise.reject(new VmError('VM_IMAGE_MISSING', 'nodejs:24')));
  expect(await run.status).toBe(1);
  expect(run.err()).toMatch(/^error: VM_IMAGE_MISSING: /);
  expect(await start([], () => Promise.reject(new VmError('VM_ABORTED'))).status).toBe(0);
});

test.each([
  [['--port', '0']],
  [['--port', 'x']],
  [['--memory', '1']],
  [['--env', 'A']],
  [['--tender', 'xen']],
  [['--inspect=nowhere']],
  [['--inspect=[::1]:9229']],
  [['--inspect', '--inspect-brk']],
  [['--expose', '80']],
  [['--expose', '80:0']],
  [['--kind', '../x']],
  [['y']],
])('bad arguments %j: a line, status 2', async (args) => {
  const run = start(args);
  expect(await run.status).toBe(2);
  expect(run.asked).toEqual([]);
  expect(run.err()).toMatch(/^error: /);
});

test('--help goes to stdout', async () => {
  const run = start(['--help']);
  expect(await run.status).toBe(0);
  expect(run.out()).toContain('--tender');
});
