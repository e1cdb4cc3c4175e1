/**
 * What actions use of Node, run inside a VM: each test is an action whose result is checked here. Parameterised by how a VM is started, so that every
 * tender and profile passes the same suite, and plain Node shows that the expectations themselves are right.
 */
import type { BootVm } from '@ebbwhisk/libos-node';
import { describe, expect, test } from 'vitest';
import { type ActionOptions, runAction } from './run-action.ts';
import { certificate, privateKey } from './tls-fixture.ts';

export function guestFeatures(name: string, boot: BootVm, kind = 'nodejs:24'): void {
  async function resultOf(code: string, options?: ActionOptions): Promise<unknown> {
    const outcome = await runAction(boot, code, { kind, ...options });
    expect(outcome.init, outcome.stderr).toEqual({ status: 200, body: { OK: true } });
    expect(
      outcome.run?.status,
      `${JSON.stringify(outcome.run?.body)} ${outcome.stderr} ${JSON.stringify(outcome.exit)}`,
    ).toBe(200);
    return outcome.run?.body;
  }

  describe(`guest: ${name}`, () => {
    test('CommonJS and dynamic import of builtins', async () => {
      const code = `async function main() {
        const path = require('path'); const { join } = await import('node:path');
        return { same: path.join === join, version: process.version.split('.')[0], platform: process.platform };
      }`;
      const version = kind.replace('nodejs:', 'v');
      expect(await resultOf(code)).toEqual({ same: true, version, platform: 'linux' });
    });

    test('ES module source', async () => {
      const code = `import { createHash } from 'node:crypto';
        export function main({ text }) { return { sha: createHash('sha256').update(text).digest('hex') }; }`;
      expect(await resultOf(code, { parameters: { text: 'abc' } })).toEqual({
        sha: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      });
    });

    test('timers, immediates, ticks and microtasks in order', async () => {
      const code = `function main() { return new Promise((resolve) => {
        const order = [];
        setTimeout(() => order.push('timeout'), 0);
        setImmediate(() => { order.push('immediate'); });
        Promise.resolve().then(() => order.push('microtask'));
        process.nextTick(() => order.push('tick'));
        setTimeout(() => { order.push('later'); resolve({ order: order.filter((x) => x !== 'immediate') }); }, 20);
        order.push('sync');
      }); }`;
      expect(await resultOf(code)).toEqual({ order: ['sync', 'tick', 'microtask', 'timeout', 'later'] });
    });

    test('two thousand timers fire once each, none early', async () => {
      const code = `async function main() {
        let early = 0, fired = 0; const start = performance.now();
        await Promise.all(Array.from({ length: 2000 }, (_, i) => new Promise((r) => setTimeout(() => {
          fired++; if (performance.now() - start < (i % 50) - 1) early++; r();
        }, i % 50))));
        return { fired, early };
      }`;
      expect(await resultOf(code)).toEqual({ fired: 2000, early: 0 });
    });

    test('files: write, append, read, rename, list, stat, links, remove', async () => {
      const code = `const fs = require('fs'); async function main() {
        const dir = fs.mkdtempSync('/tmp/t-'); const p = dir + '/a.txt';
        await fs.promises.writeFile(p, 'hello'); fs.appendFileSync(p, ' world');
        fs.symlinkSync('a.txt', dir + '/link'); fs.linkSync(p, dir + '/hard');
        const viaLink = fs.readFileSync(dir + '/link', 'utf8'); const nlink = fs.statSync(p).nlink;
        fs.renameSync(p, dir + '/b.txt'); const list = fs.readdirSync(dir).sort();
        const dangling = fs.existsSync(dir + '/link'); const lstat = fs.lstatSync(dir + '/link').isSymbolicLink();
        fs.truncateSync(dir + '/b.txt', 3); const short = fs.readFileSync(dir + '/hard', 'utf8');
        fs.mkdirSync(dir + '/x/y/z', { recursive: true }); fs.rmSync(dir, { recursive: true });
        let missing; try { fs.readFileSync(p); } catch (e) { missing = e.code; }
        return { viaLink, nlink, list, dangling, lstat, short, missing, gone: !fs.existsSync(dir) };
      }`;
      expect(await resultOf(code)).toEqual({
        viaLink: 'hello world',
        nlink: 2,
        list: ['b.txt', 'hard', 'link'],
        dangling: false,
        lstat: true,
        short: 'hel',
        missing: 'ENOENT',
        gone: true,
      });
    });

    test('file streams and 20 MB of content', async () => {
      const code = `const fs = require('fs'); const { pipeline } = require('stream/promises'); const { createHash, randomBytes } = require('crypto');
      async function main() {
        const dir = fs.mkdtempSync('/tmp/t-'); const big = dir + '/big', copy = dir + '/copy';
        const data = randomBytes(20 * 1024 * 1024); fs.writeFileSync(big, data);
        await pipeline(fs.createReadStream(big), fs.createWriteStream(copy));
        const h = (b) => createHash('sha1').update(b).digest('hex');
        const same = h(data) === h(fs.readFileSync(copy)); fs.rmSync(dir, { recursive: true });
        return { same };
      }`;
      expect(await resultOf(code)).toEqual({ same: true });
    });

    test('zlib and brotli, sync and stream', async () => {
      const code = `const zlib = require('zlib'); const { promisify } = require('util'); async function main() {
        const text = Buffer.from('squeeze me '.repeat(20000));
        const gz = await promisify(zlib.gzip)(text); const br = zlib.brotliCompressSync(text);
        return { small: gz.length < 2000, back: (await promisify(zlib.gunzip)(gz)).equals(text), brotli: zlib.brotliDecompressSync(br).equals(text) };
      }`;
      expect(await resultOf(code)).toEqual({ small: true, back: true, brotli: true });
    });

    test('crypto: hashes, keys, signatures, pool work, randomness', async () => {
      const code = `const c = require('crypto'); const { promisify } = require('util'); async function main() {
        const { publicKey, privateKey } = c.generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const signature = c.sign('sha256', Buffer.from('x'), privateKey);
        const keys = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((i) => promisify(c.pbkdf2)('p' + i, 's', 1000, 32, 'sha256')));
        const ids = new Set(Array.from({ length: 200 }, () => c.randomUUID()));
        const subtle = Buffer.from(await c.webcrypto.subtle.digest('SHA-256', Buffer.from('abc'))).toString('hex').slice(0, 8);
        return { verified: c.verify('sha256', Buffer.from('x'), publicKey, signature), first: keys[0].toString('hex').slice(0, 16),
          distinct: new Set(keys.map(String)).size, ids: ids.size, subtle };
      }`;
      const { pbkdf2Sync } = await import('node:crypto');
      const first = pbkdf2Sync('p1', 's', 1000, 32, 'sha256').toString('hex').slice(0, 16);
      expect(await resultOf(code)).toEqual({ verified: true, first, distinct: 8, ids: 200, subtle: 'ba7816bf' });
    });

    test('WebAssembly: run, grow, and a trap on an access out of bounds', async () => {
      // (module (memory (export "m") 1) (func (export "load") (param i32) (result i32) local.get 0 i32.load))
      const bytes = [
        0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 12, 2, 1, 109, 2, 0, 4,
        108, 111, 97, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 40, 2, 0, 11,
      ];
      const code = `async function main() {
        const { instance } = await WebAssembly.instantiate(new Uint8Array(${JSON.stringify(bytes)}));
        const { m, load } = instance.exports; new Uint32Array(m.buffer)[4] = 77;
        const traps = [];
        for (const at of [65533, 65536, 1 << 20, 0x7fffffff, -4]) { try { load(at); traps.push('none'); } catch (e) { traps.push(e.constructor.name); } }
        m.grow(1); new Uint32Array(m.buffer)[20000] = 88;
        return { value: load(16), grown: load(80000), traps, zero: load(131000) };
      }`;
      expect(await resultOf(code)).toEqual({ value: 77, grown: 88, traps: Array(5).fill('RuntimeError'), zero: 0 });
    });

    test('http server and client on 127.0.0.1, keep-alive and big bodies', async () => {
      const code = `const http = require('http'); async function main() {
        const server = http.createServer((q, s) => { let n = 0; q.on('data', (d) => { n += d.length; }); q.on('end', () => s.end(JSON.stringify({ n, url: q.url }))); });
        await new Promise((r) => server.listen(0, '127.0.0.1', r)); const port = server.address().port;
        const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
        const ask = (i) => new Promise((resolve, reject) => { const q = http.request({ port, host: '127.0.0.1', path: '/' + i, method: 'POST', agent }, (s) => {
          let t = ''; s.on('data', (d) => { t += d; }); s.on('end', () => resolve(JSON.parse(t))); }); q.on('error', reject); q.end(Buffer.alloc(i * 10000)); });
        const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(i)));
        agent.destroy(); await new Promise((r) => server.close(r));
        return { ok: answers.every((a, i) => a.n === i * 10000 && a.url === '/' + i) };
      }`;
      expect(await resultOf(code)).toEqual({ ok: true });
    });

    test('fetch and https to servers of its own', async () => {
      const code = `const https = require('https'), http = require('http'); async function main({ key, cert }) {
        const plain = http.createServer((q, s) => s.end('plain')); await new Promise((r) => plain.listen(0, '127.0.0.1', r));
        const secure = https.createServer({ key, cert }, (q, s) => s.end('secure')); await new Promise((r) => secure.listen(0, '127.0.0.1', r));
        const a = await (await fetch('http://127.0.0.1:' + plain.address().port)).text();
        const b = await new Promise((resolve, reject) => https.get({ host: '127.0.0.1', port: secure.address().port, ca: cert, servername: 'localhost' }, (s) => {
          let t = ''; s.on('data', (d) => { t += d; }); s.on('end', () => resolve(t)); }).on('error', reject));
        plain.closeAllConnections(); plain.close(); secure.close(); return { a, b };
      }`;
      expect(await resultOf(code, { parameters: { key: privateKey, cert: certificate } })).toEqual({
        a: 'plain',
        b: 'secure',
      });
    });

    test('a refused connection and a closed one are errors with their codes', async () => {
      const code = `const net = require('net'); async function main() {
        const refused = await new Promise((r) => net.connect(9, '127.0.0.1').on('error', (e) => r(e.code)));
        const server = net.createServer((s) => s.resetAndDestroy()); await new Promise((r) => server.listen(0, '127.0.0.1', r));
        const reset = await new Promise((r) => { const c = net.connect(server.address().port, '127.0.0.1'); c.on('error', (e) => r(e.code)); c.on('end', () => r('end')); c.resume(); c.on('connect', () => c.write('x')); });
        server.close(); return { refused, reset };
      }`;
      expect(await resultOf(code)).toEqual({ refused: 'ECONNREFUSED', reset: 'ECONNRESET' });
    });

    test('dns: localhost by lookup', async () => {
      const code = `const dns = require('dns').promises; async function main() {
        const local = await dns.lookup('localhost', { family: 4 });
        return { local: local.address };
      }`;
      expect(await resultOf(code)).toEqual({ local: '127.0.0.1' });
    });

    test('datagrams on 127.0.0.1', async () => {
      const code = `const dgram = require('dgram'); async function main() {
        const a = dgram.createSocket('udp4'); await new Promise((r) => a.bind(0, '127.0.0.1', r));
        const b = dgram.createSocket('udp4');
        const got = new Promise((r) => a.once('message', (m) => r(m.toString())));
        b.send('ping', a.address().port, '127.0.0.1'); const text = await got; a.close(); b.close(); return { text };
      }`;
      expect(await resultOf(code)).toEqual({ text: 'ping' });
    });

    test('worker threads, shared memory, Atomics.wait', async () => {
      const code = `const { Worker } = require('worker_threads'); async function main() {
        const shared = new Int32Array(new SharedArrayBuffer(8));
        const worker = () => new Promise((resolve, reject) => { const w = new Worker(
          "const { parentPort, workerData } = require('worker_threads'); Atomics.wait(workerData, 1, 0, 2000); for (let i = 0; i < 10000; i++) Atomics.add(workerData, 0, 1); parentPort.postMessage('done');",
          { eval: true, workerData: shared }); w.on('message', resolve); w.on('error', reject); });
        const all = Promise.all([worker(), worker()]); setTimeout(() => { Atomics.store(shared, 1, 1); Atomics.notify(shared, 1); }, 30);
        const answers = await all; return { count: shared[0], answers };
      }`;
      expect(await resultOf(code)).toEqual({ count: 20000, answers: ['done', 'done'] });
    });

    test('a busy worker does not starve the main thread', async () => {
      const code = `const { Worker } = require('worker_threads'); async function main() {
        const w = new Worker('for (;;) {}', { eval: true }); await new Promise((r) => w.on('online', r));
        let ticks = 0; await new Promise((r) => { const t = setInterval(() => { if (++ticks === 10) { clearInterval(t); r(); } }, 5); });
        await w.terminate(); return { ticks };
      }`;
      expect(await resultOf(code)).toEqual({ ticks: 10 });
    });

    test('concurrent compilation: a hot loop gives the right sum', async () => {
      const code = `function main() { let s = 0; for (let k = 0; k < 50; k++) { const f = (n) => { let t = 0; for (let i = 0; i < n; i++) t = (t + i * k) % 1000003; return t; };
        for (let i = 0; i < 200; i++) s = (s + f(2000)) % 1000003; } return { s }; }`;
      let sum = 0;
      for (let k = 0; k < 50; k++) {
        const f = (n: number): number => {
          let t = 0;
          for (let i = 0; i < n; i++) t = (t + i * k) % 1000003;
          return t;
        };
        for (let i = 0; i < 200; i++) sum = (sum + f(2000)) % 1000003;
      }
      expect(await resultOf(code)).toEqual({ s: sum });
    });

    test('garbage collection under churn', async () => {
      const code = `function main() { let keep = []; for (let i = 0; i < 300; i++) { keep.push(Array.from({ length: 1000 }, (_, j) => ({ i, j }))); if (keep.length > 20) keep.shift(); }
        return { sum: keep.reduce((a, x) => a + x.length + x[0].i, 0) }; }`;
      let sum = 0;
      for (let i = 280; i < 300; i++) sum += 1000 + i;
      expect(await resultOf(code)).toEqual({ sum });
    });

    test('deep recursion is a RangeError that can be caught', async () => {
      const code = `function main() { const f = (n) => f(n + 1) + 1; try { f(0); } catch (e) { return { name: e.constructor.name }; } }`;
      expect(await resultOf(code)).toEqual({ name: 'RangeError' });
    });

    test('signals to itself reach their handlers', async () => {
      const code = `async function main() { const got = new Promise((r) => process.once('SIGUSR2', r)); process.kill(process.pid, 'SIGUSR2'); return { signal: await got }; }`;
      expect(await resultOf(code)).toEqual({ signal: 'SIGUSR2' });
    });

    test('clocks: wall time is right, monotonic time advances', async () => {
      const before = Date.now();
      const code = `async function main() { const a = process.hrtime.bigint(); await new Promise((r) => setTimeout(r, 50)); const b = process.hrtime.bigint();
        return { now: Date.now(), elapsed: Number(b - a) / 1e6 }; }`;
      const result = (await resultOf(code)) as { now: number; elapsed: number };
      expect(result.now).toBeGreaterThanOrEqual(before);
      expect(result.now).toBeLessThanOrEqual(Date.now() + 10);
      expect(result.elapsed).toBeGreaterThanOrEqual(49);
    });

    test('Intl and large strings', async () => {
      const code = `function main() { return { de: new Intl.NumberFormat('de-DE').format(1234567.5), upper: 'straße'.toLocaleUpperCase('de'), size: 'x'.repeat(30e6).length }; }`;
      expect(await resultOf(code)).toEqual({ de: '1.234.567,5', upper: 'STRASSE', size: 30e6 });
    });
  });
}
