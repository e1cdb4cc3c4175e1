import { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId, triggerAsyncId } from 'node:async_hooks';
import fs from 'node:fs';
import http from 'node:http';
import { once, sleep, tell } from '../support/tell.mjs';

const storage = new AsyncLocalStorage();
await tell('through everything', () =>
  storage.run({ id: 7 }, async () => {
    const seen = [];
    const see = (name) => seen.push(`${name} ${storage.getStore()?.id}`);
    await sleep(1);
    see('timer');
    await new Promise((resolve) => setImmediate(() => (see('immediate'), resolve())));
    await new Promise((resolve) => process.nextTick(() => (see('tick'), resolve())));
    await new Promise((resolve) => fs.stat('.', () => (see('fs'), resolve())));
    await fs.promises.readFile('/dev/null');
    see('promise');
    const server = http.createServer((request, response) => response.end(String(storage.getStore()?.id)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    see('server');
    const text = await (await fetch(`http://127.0.0.1:${server.address().port}`)).text();
    see(`fetch (server: ${text})`);
    server.closeAllConnections();
    server.close();
    queueMicrotask(() => see('microtask'));
    await null;
    return seen;
  }),
);
await tell('nested', () =>
  storage.run(1, () => [
    storage.run(2, () => storage.getStore()),
    storage.exit(() => storage.getStore()),
    storage.getStore(),
  ]),
);
await tell('bind and snapshot', () => {
  const bound = storage.run('bound', () => AsyncLocalStorage.bind(() => storage.getStore()));
  const snapshot = storage.run('snapshot', () => AsyncLocalStorage.snapshot());
  return [bound(), snapshot(() => storage.getStore()), storage.getStore()];
});
await tell('enterWith', async () => {
  const other = new AsyncLocalStorage();
  await (async () => {
    other.enterWith('entered');
    await null;
  })();
  return other.getStore();
});
await tell('AsyncResource', () => {
  const resource = new AsyncResource('Mine');
  return resource.runInAsyncScope(() => [
    executionAsyncId() === resource.asyncId(),
    triggerAsyncId() === resource.triggerAsyncId(),
  ]);
});
await tell('createHook', async () => {
  const types = new Set();
  const hook = createHook({ init: (id, type) => types.add(type) }).enable();
  await sleep(1);
  await new Promise((resolve) => fs.readFile('/dev/null', resolve));
  setImmediate(() => {});
  hook.disable();
  return [...types].filter((type) => ['Timeout', 'FSREQCALLBACK', 'Immediate', 'PROMISE'].includes(type)).sort();
});
