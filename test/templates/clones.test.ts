/** Clones of a template, under each tender that can make them: they serve like VMs that booted, and no two are alike. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BootOptions, Templates, type Vm } from '@ebbwhisk/libos-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { actionContract } from '../contract/action-contract.ts';
import { Session } from '../contract/session.ts';
import { guestFeatures } from '../guest/features.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

/** What a program can draw or read that tells it from its siblings. */
const drawing = `
const crypto = require('crypto');
const { Worker } = require('worker_threads');
const atLoad = Math.random();
async function main() {
  const worker = new Worker('require("worker_threads").parentPort.postMessage([Math.random(), require("crypto").randomUUID()])', { eval: true });
  const [workerRandom, workerUuid] = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
  const { privateKey } = crypto.generateKeyPairSync('ed25519');
  return {
    atLoad, random: Math.random(), workerRandom, workerUuid,
    uuid: crypto.randomUUID(), int: crypto.randomInt(2 ** 47), bytes: crypto.randomBytes(16).toString('hex'),
    async: await new Promise((resolve) => crypto.randomBytes(16, (error, bytes) => resolve(bytes.toString('hex')))),
    web: Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }), pid: process.pid,
  };
}`;

forTargets(libosTenders, ({ tender, name }) => {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-templates-'));
  const templates = new Templates({ folder });
  const clone = (options: BootOptions): Promise<Vm> => templates.clone({ ...options, tender });
  const options: BootOptions = { kind: 'nodejs:24', memoryMb: 256 };
  afterAll(async () => {
    await templates.close();
    rmSync(folder, { recursive: true });
  });

  actionContract(`clones: ${name}`, clone);
  if (process.env.EBBWHISK_TEST_ALL === '1') guestFeatures(`clones: ${name}`, clone);

  async function draw(): Promise<Record<string, unknown>> {
    const session = new Session(await clone(options));
    try {
      expect((await session.init(drawing)).status).toBe(200);
      const { status, text, json } = await session.run({});
      expect(status, text).toBe(200);
      return json as Record<string, unknown>;
    } finally {
      await session.vm.end();
    }
  }

  describe(`clones: ${name}`, () => {
    beforeAll(() => templates.prepare({ ...options, tender }));

    test('thirty, one after the other and six at a time, draw nothing twice', async () => {
      const drawn: Record<string, unknown>[] = [];
      for (let n = 0; n < 12; n++) drawn.push(await draw());
      for (let n = 0; n < 3; n++) drawn.push(...(await Promise.all(Array.from({ length: 6 }, draw))));
      expect(drawn).toHaveLength(30);
      for (const field of Object.keys(drawn[0] ?? {})) {
        const different = new Set(drawn.map((each) => each[field])).size;
        // Pids are 22 bits; everything else is 31 and more.
        expect(different, field).toBeGreaterThanOrEqual(field === 'pid' ? 29 : 30);
      }
      const values = drawn.flatMap(({ pid, ...others }) => Object.values(others));
      expect(new Set(values).size).toBe(values.length);
    }, 60_000);

    test('time goes on, and is the same by all clocks', async () => {
      const session = new Session(await clone(options));
      await session.init(
        `function main() { return { wall: Date.now(), origin: performance.timeOrigin + performance.now() }; }`,
      );
      const { wall, origin } = (await session.run({})).json as { wall: number; origin: number };
      expect(Math.abs(wall - Date.now())).toBeLessThan(1000);
      expect(Math.abs(wall - origin)).toBeLessThan(50);
      await session.vm.end();
    });

    test('what one clone does, no other sees', async () => {
      const code = `let n = 0; globalThis.seen = globalThis.seen ?? 0;
          function main() { n++; globalThis.seen++; require('fs').appendFileSync('/tmp/mark', 'x'); process.env.MARK = 'x';
            return { n, seen: globalThis.seen, mark: require('fs').readFileSync('/tmp/mark', 'utf8'), warm: process.env.__OW_DEADLINE ?? null }; }`;
      for (let i = 0; i < 3; i++) {
        const session = new Session(await clone(options));
        await session.init(code);
        expect((await session.run({})).json).toEqual({ n: 1, seen: 1, mark: 'x', warm: null });
        await session.vm.end();
      }
    });

    test('statistics name the processes, and none is left when it has ended', async () => {
      const vm = await clone(options);
      const { pids, memoryBytes, hostFaults, ownBytes } = await vm.stats();
      expect(hostFaults).toBeGreaterThan(10);
      // What it copied when it wrote to it; absent where a guest's memory may not be looked at.
      if (ownBytes !== undefined) {
        expect(ownBytes).toBeGreaterThan(100_000);
        expect(ownBytes).toBeLessThan(10_000_000);
      }
      expect(pids).toHaveLength(tender === 'kvm' ? 1 : 2);
      expect(memoryBytes).toBeGreaterThan(1_000_000);
      const cost = await vm.cost();
      expect(cost.faults).toBeGreaterThanOrEqual(hostFaults ?? Number.NaN);
      expect(cost.faults).toBeLessThan(5_000);
      expect(cost.exits).toBeGreaterThan(0);
      expect(await vm.end()).toEqual({ reason: 'ended' });
      expect(existsSync(vm.socketPath)).toBe(false);
      for (const pid of pids) await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    });

    test('an action that exits ends its clone with its status', async () => {
      const vm = await clone(options);
      const session = new Session(vm);
      await session.init('function main() { process.exit(3); }');
      await session.run({}).catch(() => {});
      expect(await vm.exited).toMatchObject({ reason: 'exit', code: 3 });
    });

    test('a second host takes the file; a damaged one is made anew', async () => {
      const [file = ''] = readdirSync(folder).filter((each) => each.includes('-256-'));
      const path = join(folder, file);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const made = statSync(path).mtimeMs;
      // Under KVM, where faults are dear, a rehearsal says what clones write to.
      const rehearsal = `${path}.rehearsal`;
      expect(existsSync(rehearsal)).toBe(tender === 'kvm');
      const again = async (): Promise<void> => {
        const other = new Templates({ folder });
        const session = new Session(await other.clone({ ...options, tender }));
        expect((await session.init('function main() { return { ok: 1 }; }')).status).toBe(200);
        expect((await session.run({})).json).toEqual({ ok: 1 });
        await other.close();
        expect((await session.vm.exited).reason).toBe('ended');
      };
      await again();
      expect(statSync(path).mtimeMs).toBe(made);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
      writeFileSync(path, bytes);
      await again();
      expect(readFileSync(path).equals(bytes)).toBe(false);
      if (tender === 'kvm') expect(statSync(rehearsal).mtimeMs).toBeGreaterThanOrEqual(statSync(path).mtimeMs);
    });
  });
});
