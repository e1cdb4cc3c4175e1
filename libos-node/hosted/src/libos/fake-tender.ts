#!/usr/bin/env node
/**
 * A stand-in for ebbtender in tests: speaks its command line and its channel, runs no guest. What it does is said by the
 * environment that it is asked to give to the guest: SCRIPT=<name of an entry of `scripts`>.
 */
import { rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { encodeFrame, type Frame, FrameParser, frameTypes } from './frames.ts';

const args = process.argv.slice(2);
const valuesOf = (name: string): string[] =>
  args.flatMap((arg, index) => (arg === name ? [args[index + 1] ?? ''] : []));
const socketPath = valuesOf('--socket')[0] ?? '';
const script =
  valuesOf('--env')
    .find((entry) => entry.startsWith('SCRIPT='))
    ?.slice(7) ?? 'serve';

const channel = new Socket({ fd: Number(valuesOf('--report-fd')[0]), readable: true, writable: true });
const send = (type: number, payload: string | Uint8Array = '', stream = 0, timeNs = 0n): void => {
  channel.write(encodeFrame(type, Buffer.from(payload), stream, timeNs));
};
const exit = (report: object, status: number): void => {
  send(frameTypes.exit, JSON.stringify(report));
  channel.end(() => process.exit(status));
};

function serve(): void {
  const server = createServer((connection) => connection.end('hello'));
  server.listen(socketPath, () => send(frameTypes.ready));
  process.on('exit', () => rmSync(socketPath, { force: true }));
}

const scripts: Readonly<Record<string, () => void>> = {
  serve,
  arguments: () => {
    send(frameTypes.log, JSON.stringify({ args, env: process.env }), 0);
    serve();
  },
  logs: () => {
    send(frameTypes.log, 'early out\n', 0, 1_700_000_000_123_456_789n);
    send(frameTypes.log, 'early err\n', 1);
    send(frameTypes.log, 'openat("/x") = 3\nread(3', 3);
    send(frameTypes.log, ') = 0\n', 3);
    send(frameTypes.log, 'kernel says\n', 2);
    serve();
  },
  flood: () => {
    const chunk = Buffer.alloc(65_536, 'x');
    for (let index = 0; index < 64; index++) send(frameTypes.log, chunk, 0);
    serve();
  },
  exit3: () => {
    serve();
    setTimeout(() => exit({ reason: 'exit', code: 3 }, 3), 50);
  },
  crash: () => {
    send(frameTypes.log, 'Error: no such thing\n', 1);
    exit({ reason: 'fault', signal: 'SIGSEGV', detail: 'rip 0x1234' }, 139);
  },
  badImage: () => {
    writeSync(2, 'TENDER_IMAGE_HASH: The image does not match.\n');
    process.exit(2);
  },
  noKvm: () => {
    writeSync(2, 'TENDER_KVM_UNUSABLE: no /dev/kvm\n');
    exit({ reason: 'tender', detail: 'no /dev/kvm' }, 2);
  },
  brokenFrame: () => {
    serve();
    setTimeout(() => channel.write(Buffer.alloc(16, 0xff)), 50);
  },
  cutFrame: () => {
    serve();
    setTimeout(
      () => channel.write(encodeFrame(frameTypes.log, Buffer.from('abc')).subarray(0, 17), () => process.exit(0)),
      50,
    );
  },
  dies: () => {
    serve();
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);
  },
  silent: () => {},
  deaf: serve,
  badReport: () => {
    serve();
    setTimeout(() => {
      send(frameTypes.exit, '{"reason":"boredom"}');
      channel.end(() => process.exit(0));
    }, 50);
  },
};

/** Port 0 becomes 41000. */
const exposed = valuesOf('--expose').map((text) => {
  const [host = '', port = '', guestPort = ''] = text.split(':');
  return { guestPort: Number(guestPort), host: `${host}:${port === '0' ? '41000' : port}` };
});

function onFrame({ type, payload }: Frame): void {
  if (script === 'deaf') return;
  if (type === frameTypes.sync) {
    send(frameTypes.log, 'before the answer\n', 0);
    send(frameTypes.synced, payload);
  } else if (type === frameTypes.statsRequest) {
    send(frameTypes.stats, JSON.stringify({ exits: 42, faults: 7, exposed, pids: [process.pid] }));
  } else if (type === frameTypes.end) {
    exit({ reason: 'ended' }, 0);
  }
}

const marker = valuesOf('--env')
  .find((entry) => entry.startsWith('MARKER='))
  ?.slice(7);
if (marker !== undefined) writeFileSync(marker, String(process.pid));

const parser = new FrameParser();
channel.on('data', (chunk: Buffer) => {
  for (const frame of parser.push(chunk)) onFrame(frame);
});
channel.on('end', () => process.exit(0));
channel.on('error', () => process.exit(1));
scripts[script]?.();
