import vm from 'node:vm';
import {
  BroadcastChannel,
  getEnvironmentData,
  MessageChannel,
  MessagePort,
  markAsUntransferable,
  moveMessagePortToContext,
  setEnvironmentData,
  Worker,
} from 'node:worker_threads';
import { once, tell } from '../support/tell.mjs';

await tell('transfer of a buffer', async () => {
  const { port1, port2 } = new MessageChannel();
  const buffer = new Uint8Array([1, 2, 3]).buffer;
  port1.postMessage(buffer, [buffer]);
  const got = await once(port2, 'message');
  port1.close();
  return [buffer.byteLength, new Uint8Array(got)];
});
await tell('transfer of a port', async () => {
  const worker = new Worker(
    'const { parentPort } = require("worker_threads"); parentPort.once("message", ({ port }) => { port.postMessage("through the port"); port.close(); })',
    { eval: true },
  );
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ port: port1 }, [port1]);
  const text = await once(port2, 'message');
  return [text, port2 instanceof MessagePort];
});
await tell('close event', async () => {
  const { port1, port2 } = new MessageChannel();
  const closed = once(port2, 'close');
  port2.on('message', () => {});
  port1.close();
  await closed;
  return 'closed';
});
await tell('order of 1000', async () => {
  const { port1, port2 } = new MessageChannel();
  const seen = [];
  port2.on('message', (value) => seen.push(value));
  for (let i = 0; i < 1000; i += 1) port1.postMessage(i);
  await new Promise((resolve) => setTimeout(resolve, 20));
  port1.close();
  return [seen.length, seen.every((value, i) => value === i)];
});
await tell('BroadcastChannel', async () => {
  const here = new BroadcastChannel('compat');
  const also = new BroadcastChannel('compat');
  const worker = new Worker(
    'const { BroadcastChannel } = require("worker_threads"); const c = new BroadcastChannel("compat"); c.postMessage("from the worker"); c.close()',
    { eval: true },
  );
  const exited = once(worker, 'exit');
  const texts = await Promise.all(
    [here, also].map((channel) => new Promise((resolve) => (channel.onmessage = ({ data }) => resolve(data)))),
  );
  await exited;
  here.close();
  also.close();
  return texts;
});
await tell('what cannot be cloned', () => {
  const { port1 } = new MessageChannel();
  try {
    port1.postMessage(() => {});
  } finally {
    port1.close();
  }
});
await tell('untransferable', () => {
  const { port1 } = new MessageChannel();
  const buffer = new ArrayBuffer(4);
  markAsUntransferable(buffer);
  try {
    port1.postMessage(buffer, [buffer]);
  } catch (error) {
    return error.name;
  } finally {
    port1.close();
  }
  return buffer.byteLength;
});
await tell('environment data', async () => {
  setEnvironmentData('key', { a: 1 });
  const worker = new Worker(
    'const { getEnvironmentData, parentPort } = require("worker_threads"); parentPort.postMessage(getEnvironmentData("key"))',
    { eval: true },
  );
  const value = await once(worker, 'message');
  setEnvironmentData('key', undefined);
  return [value, getEnvironmentData('key')];
});
await tell('another context', async () => {
  const { port1, port2 } = new MessageChannel();
  const context = vm.createContext({});
  const moved = moveMessagePortToContext(port2, context);
  port1.postMessage('into the context');
  const text = await new Promise((resolve) => {
    moved.onmessage = ({ data }) => resolve(data);
    moved.start();
  });
  port1.close();
  return text;
});
await tell('objects', async () => {
  const { port1, port2 } = new MessageChannel();
  const { createHash, createSecretKey } = await import('node:crypto');
  port1.postMessage({
    blob: new Blob(['b']),
    key: createSecretKey(Buffer.from('secret')),
    date: new Date(0),
    re: /x/g,
    typed: new Float64Array([1.5]),
  });
  const { blob, key, date, re, typed } = await once(port2, 'message');
  port1.close();
  return [
    await blob.text(),
    key.type,
    String(key.export()),
    date,
    re,
    typed,
    createHash('md5').update('x').digest('hex'),
  ];
});
await tell('FileHandle', async () => {
  const fsp = await import('node:fs/promises');
  await fsp.writeFile('file', 'handed over');
  const handle = await fsp.open('file');
  const worker = new Worker(
    'const { parentPort } = require("worker_threads"); parentPort.once("message", async (h) => { parentPort.postMessage(await h.readFile("utf8")); await h.close(); })',
    { eval: true },
  );
  worker.postMessage(handle, [handle]);
  return once(worker, 'message');
});
