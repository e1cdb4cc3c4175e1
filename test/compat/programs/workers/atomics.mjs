import { Worker } from 'node:worker_threads';
import { once, tell } from '../support/tell.mjs';

const run = (code, workerData) =>
  new Worker(`const { parentPort, workerData } = require("worker_threads"); ${code}`, { eval: true, workerData });
await tell('wait and notify', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const worker = run(
    'parentPort.postMessage("ready"); const r = Atomics.wait(workerData, 0, 0); parentPort.postMessage(r)',
    shared,
  );
  await once(worker, 'message');
  const answer = once(worker, 'message');
  await new Promise((resolve) => setTimeout(resolve, 20));
  Atomics.store(shared, 0, 1);
  const woken = Atomics.notify(shared, 0);
  return [woken, await answer];
});
await tell('not equal', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 5));
await tell('timed out', () => {
  const start = performance.now();
  const result = Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  return [result, performance.now() - start >= 19];
});
await tell('waitAsync', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const waiting = Atomics.waitAsync(shared, 0, 0);
  const worker = run('Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0)', shared);
  const exited = once(worker, 'exit');
  const result = await waiting.value;
  await exited;
  return [waiting.async, result];
});
await tell('waitAsync timed out', async () => {
  const timer = setTimeout(() => {}, 1000);
  const result = await Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10).value;
  clearTimeout(timer);
  return result;
});
await tell('counting together', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: 4 }, () =>
    run('for (let i = 0; i < 50000; i++) Atomics.add(workerData, 0, 1)', shared),
  );
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  return shared[0];
});
await tell('a lock', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const code = `for (let i = 0; i < 2000; i++) {
    while (Atomics.compareExchange(workerData, 0, 0, 1) !== 0) Atomics.wait(workerData, 0, 1, 5);
    workerData[1] = workerData[1] + 1;
    Atomics.store(workerData, 0, 0); Atomics.notify(workerData, 0, 1);
  }`;
  await Promise.all(Array.from({ length: 3 }, () => once(run(code, shared), 'exit')));
  return shared[1];
});
await tell('ping-pong', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const player = (mine) =>
    `for (let i = 0; i < 500; i++) { let v; while ((v = Atomics.load(workerData, 0)) % 2 !== ${mine}) Atomics.wait(workerData, 0, v); Atomics.add(workerData, 0, 1); Atomics.notify(workerData, 0); }`;
  await Promise.all([0, 1].map((mine) => once(run(player(mine), shared), 'exit')));
  return shared[0];
});
await tell('growing', () => {
  const buffer = new SharedArrayBuffer(4, { maxByteLength: 100_000 });
  buffer.grow(50_000);
  return [buffer.byteLength, new Uint8Array(buffer)[49_999]];
});
await tell('bigint', () => {
  const shared = new BigInt64Array(new SharedArrayBuffer(16));
  return [
    Atomics.add(shared, 0, 5n),
    Atomics.exchange(shared, 0, 9n),
    Atomics.or(shared, 0, 6n),
    shared[0],
    Atomics.isLockFree(8),
  ];
});
