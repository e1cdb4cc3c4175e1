/**
 * What no two clones of a function's snapshot may share, and what the world looks like to a clone that continues where another VM had
 * stopped: under each tender, thirty clones; 300 with EBBWHISK_TEST_ALL=1.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CloneOptions, Templates } from '@ebbwhisk/libos-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../contract/session.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const count = process.env.EBBWHISK_TEST_ALL === '1' ? 300 : 30;
const together = 5;

/** Every generator was drawn from when the snapshot is taken. */
const drawing = `
const crypto = require('crypto');
const { Worker } = require('worker_threads');
const { subtle } = crypto.webcrypto;
async function draw() {
  const worker = new Worker('require("worker_threads").parentPort.postMessage([Math.random(), require("crypto").randomUUID()])', { eval: true });
  const [workerRandom, workerUuid] = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
  const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  return {
    random: Math.random(), again: Math.random(), workerRandom, workerUuid,
    uuid: crypto.randomUUID(), int: crypto.randomInt(2 ** 47), bytes: crypto.randomBytes(16).toString('hex'),
    later: await new Promise((resolve) => crypto.randomBytes(16, (error, bytes) => resolve(bytes.toString('hex')))),
    web: Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex'), webUuid: globalThis.crypto.randomUUID(),
    key: crypto.generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    subtle: (await subtle.exportKey('jwk', pair.privateKey)).d,
    signature: crypto.createECDH('prime256v1').generateKeys('hex'), pid: process.pid,
  };
}
const atLoad = draw();
async function main() { await atLoad; return draw(); }`;

const timing = `
let fired = [], ticks = 0;
setTimeout(() => fired.push(Date.now()), 400);
setTimeout(() => fired.push(-1), 3_600_000);
setInterval(() => { ticks++; }, 100);
const monotonic = performance.now();
async function main({ wait = 0 }) {
  const before = Date.now();
  await new Promise((resolve) => setTimeout(resolve, wait));
  return { fired, ticks, now: Date.now(), waited: Date.now() - before, forward: performance.now() >= monotonic,
    origin: performance.timeOrigin + performance.now() };
}`;

const connecting = (port: number): string => `
const net = require('net');
let error, data = '';
const socket = net.connect(${port}, '10.0.2.2');
socket.on('error', (each) => { error = each.code; }).on('data', (bytes) => { data += bytes; });
const connected = new Promise((resolve) => socket.once('connect', resolve));
async function main({ say }) {
  await connected;
  socket.write(say);
  for (let i = 0; i < 200 && error === undefined && !data.endsWith(say); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  return { error, data };
}`;

forTargets(libosTenders, ({ tender, name }) => {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-uniqueness-'));
  const templates = new Templates({ folder });
  const options = { kind: 'nodejs:24', memoryMb: 256, tender } as const;
  const clone = async (more: Partial<CloneOptions> = {}): Promise<Session> =>
    new Session(await templates.clone({ ...options, ...more }));

  /** A snapshot of the code after one run. */
  async function snapshotOf(
    file: string,
    code: string,
    more: Partial<CloneOptions> = {},
    value = {},
  ): Promise<Session> {
    const session = await clone(more);
    expect((await session.init(code)).status).toBe(200);
    expect((await session.run(value)).status).toBe(200);
    await session.vm.snapshot(join(folder, file));
    return session;
  }

  describe(`clones of a function: ${name}`, () => {
    beforeAll(() => templates.prepare(options));
    afterAll(async () => {
      await templates.close();
      rmSync(folder, { recursive: true });
    });

    test(`${count} draw nothing twice, nor what the function draws`, async () => {
      const original = await snapshotOf('drawing', drawing);
      const drawn = [(await original.run()).json as Record<string, unknown>];
      await original.vm.end();
      const one = async (): Promise<Record<string, unknown>> => {
        const session = await clone({ functionSnapshot: join(folder, 'drawing') });
        const { status, text, json } = await session.run();
        expect(status, text).toBe(200);
        await session.vm.end();
        return json as Record<string, unknown>;
      };
      while (drawn.length <= count) drawn.push(...(await Promise.all(Array.from({ length: together }, one))));
      for (const field of Object.keys(drawn[0] ?? {})) {
        const different = new Set(drawn.map((each) => each[field])).size;
        // Pids are 22 bits, so two may meet; everything else is 47 bits and more.
        expect(different, field).toBeGreaterThanOrEqual(field === 'pid' ? drawn.length - 1 : drawn.length);
      }
      const values = drawn.flatMap(({ pid, ...others }) => Object.values(others));
      expect(new Set(values).size).toBe(values.length);
    }, 120_000);

    test('clocks are right, and timers fire once when they are due', async () => {
      await (await snapshotOf('timing', timing)).vm.end();
      await new Promise((resolve) => setTimeout(resolve, 600));
      for (let n = 0; n < 3; n++) {
        const session = await clone({ functionSnapshot: join(folder, 'timing') });
        const before = Date.now();
        const { fired, ticks, now, waited, forward, origin } = (await session.run({ wait: 150 })).json as {
          fired: number[];
          ticks: number;
          now: number;
          waited: number;
          forward: boolean;
          origin: number;
        };
        const after = Date.now();
        expect(now).toBeGreaterThanOrEqual(before - 10);
        expect(now).toBeLessThanOrEqual(after + 10);
        expect(Math.abs(now - origin)).toBeLessThan(10);
        expect(forward).toBe(true);
        // What was due while nobody ran: once, at once.
        expect(fired).toHaveLength(1);
        expect(fired[0]).toBeLessThanOrEqual(now);
        expect(fired[0]).toBeGreaterThan(now - 5_000);
        expect(waited).toBeGreaterThanOrEqual(149);
        // An interval goes on; it does not make up for lost time.
        expect(ticks).toBeGreaterThanOrEqual(1);
        expect(ticks).toBeLessThan(20);
        await session.vm.end();
      }
    }, 30_000);

    test('a connection stays with the VM that made it: its clones see a reset, its peer the end of the VM', async () => {
      const peers: Socket[] = [];
      const server = createServer((socket) => {
        peers.push(socket);
        socket.on('error', () => {}).on('data', (bytes) => socket.write(bytes));
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      const { port } = server.address() as AddressInfo;
      const gateway = { gatewayPorts: [port] };
      const original = await snapshotOf('connecting', connecting(port), gateway, { say: 'one' });
      const copy = await clone({ ...gateway, functionSnapshot: join(folder, 'connecting') });
      expect((await copy.run({ say: 'two' })).json).toEqual({ error: 'ECONNRESET', data: 'one' });
      await copy.vm.end();
      expect((await original.run({ say: 'three' })).json).toEqual({ data: 'onethree' });
      expect(peers).toHaveLength(1);
      const closed = new Promise((resolve) => peers[0]?.once('close', resolve));
      await original.vm.end();
      await closed;
      server.close();
    }, 30_000);
  });
});
