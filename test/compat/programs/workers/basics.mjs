import { isMainThread, MessageChannel, receiveMessageOnPort, threadId, Worker } from 'node:worker_threads';
import { once, tell } from '../support/tell.mjs';

const run = (code, options) => new Worker(code, { eval: true, ...options });
console.log(isMainThread, threadId);
await tell('workerData', async () =>
  once(
    run('const w = require("worker_threads"); w.parentPort.postMessage(w.workerData)', {
      workerData: { a: [1, new Map([[1, 2]])] },
    }),
    'message',
  ),
);
await tell('echo', async () => {
  const worker = run(
    'require("worker_threads").parentPort.on("message", function (m) { this.postMessage(m * 2); if (m === 3) this.close(); })',
  );
  const seen = [];
  worker.on('message', (value) => seen.push(value));
  for (const value of [1, 2, 3]) worker.postMessage(value);
  const code = await once(worker, 'exit');
  return [seen, code];
});
await tell('exit code', async () => once(run('process.exit(5)'), 'exit'));
await tell('exit event', async () => {
  const worker = run(
    'process.on("exit", (c) => require("worker_threads").parentPort.postMessage("exiting " + c)); process.exitCode = 4',
  );
  return Promise.all([once(worker, 'message'), once(worker, 'exit')]);
});
await tell('error', async () => {
  const worker = run('throw new TypeError("inside")');
  const error = await once(worker, 'error');
  return [error.name, error.message, error instanceof TypeError];
});
await tell('terminate', async () => {
  const worker = run('for (;;);');
  await once(worker, 'online');
  return worker.terminate();
});
await tell('terminate while waiting', async () => {
  const worker = run('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)');
  await once(worker, 'online');
  return worker.terminate();
});
await tell('output', async () => {
  const worker = run('console.log("out"); console.error("err")', { stdout: true, stderr: true });
  const texts = ['', ''];
  worker.stdout.on('data', (data) => {
    texts[0] += data;
  });
  worker.stderr.on('data', (data) => {
    texts[1] += data;
  });
  await once(worker, 'exit');
  return texts;
});
await tell('input', async () => {
  const worker = run('process.stdin.on("data", (d) => require("worker_threads").parentPort.postMessage(String(d)))', {
    stdin: true,
  });
  worker.stdin.end('typed');
  return once(worker, 'message');
});
await tell('env', async () => {
  process.env.COMPAT_WORKER = 'outer';
  const code =
    'process.env.COMPAT_WORKER = "inner"; require("worker_threads").parentPort.postMessage(process.env.COMPAT_WORKER)';
  const own = await once(run(code), 'message');
  const after = process.env.COMPAT_WORKER;
  const { SHARE_ENV } = await import('node:worker_threads');
  await once(run(code, { env: SHARE_ENV }), 'exit');
  const shared = process.env.COMPAT_WORKER;
  delete process.env.COMPAT_WORKER;
  return [own, after, shared];
});
await tell('argv', async () =>
  once(run('require("worker_threads").parentPort.postMessage(process.argv.slice(2))', { argv: ['a', 1] }), 'message'),
);
await tell('nested', async () =>
  once(
    run(
      'const { Worker, parentPort } = require("worker_threads"); new Worker("require(\\"worker_threads\\").parentPort.postMessage(\\"deep\\")", { eval: true }).on("message", (m) => parentPort.postMessage("via " + m))',
    ),
    'message',
  ),
);
await tell('not allowed in a thread', async () =>
  once(
    run(
      'const w = require("worker_threads"); const r = []; for (const f of [() => process.chdir("/"), () => process.umask(0), () => process.abort()]) { try { f(); r.push("ok"); } catch (e) { r.push(e.code); } } w.parentPort.postMessage(r)',
    ),
    'message',
  ),
);
await tell('from a file', async () => {
  const fs = await import('node:fs');
  fs.writeFileSync(
    'worker.mjs',
    'import { parentPort } from "node:worker_threads"; parentPort.postMessage(import.meta.url.split("/").pop())',
  );
  return once(new Worker('./worker.mjs'), 'message');
});
await tell('missing file', async () => (await once(new Worker('./missing.mjs'), 'error')).code);
await tell('eight at once', async () => {
  const code =
    'let s = 0; for (let i = 0; i < 1e6; i++) s += i % 7; require("worker_threads").parentPort.postMessage(s)';
  const sums = await Promise.all(Array.from({ length: 8 }, () => once(run(code), 'message')));
  return new Set(sums).size;
});
await tell('stack limit', async () =>
  once(
    run(
      'let d = 0; const f = () => { d++; f(); }; try { f(); } catch (e) { require("worker_threads").parentPort.postMessage([e.name, d > 1000]); }',
      { resourceLimits: { stackSizeMb: 2 } },
    ),
    'message',
  ),
);
await tell('synchronous receive', () => {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage({ a: 1 });
  const first = receiveMessageOnPort(port2);
  port1.close();
  return [first, receiveMessageOnPort(port2)];
});
await tell('15 short ones', async () => {
  let codes = 0;
  for (let i = 0; i < 3; i += 1) {
    const exits = await Promise.all(Array.from({ length: 5 }, () => once(run(''), 'exit')));
    codes += exits.filter((code) => code === 0).length;
  }
  return codes;
});
