import { createRequire } from 'node:module';
import { tell } from '../support/tell.mjs';

/** Packages that the runtime brings along: real code of real authors. */
const require = createRequire(import.meta.url);
await tell('uuid', () => {
  const { v5, validate, version } = require('uuid');
  const id = v5('name', '6ba7b810-9dad-11d1-80b4-00c04fd430c8');
  return [id, validate(id), version(id)];
});
await tell('express', async () => {
  const express = require('express');
  const app = express();
  app.use(express.json());
  app.get('/hello/:name', (request, response) => response.json({ hello: request.params.name, query: request.query }));
  app.post('/sum', (request, response) => response.json({ sum: request.body.reduce((a, b) => a + b, 0) }));
  app.use((error, request, response, next) => response.status(400).send(error.type));
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  const base = `http://127.0.0.1:${server.address().port}`;
  const post = (body) =>
    fetch(`${base}/sum`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const answers = [
    await (await fetch(`${base}/hello/ada?x[y]=1`)).text(),
    await (await post('[1,2,3]')).text(),
    await (await post('{')).text(),
    (await fetch(`${base}/none`)).status,
  ];
  server.closeAllConnections();
  server.close();
  return answers;
});
await tell('serialize-error', async () => {
  const { serializeError } = await import('serialize-error');
  const { stack, ...rest } = serializeError(new TypeError('serialized', { cause: new Error('cause') }));
  return [rest.name, rest.message, rest.cause.message, typeof stack];
});
await tell('redis without a server', async () => {
  const { createClient } = require('redis');
  const client = createClient({ url: 'redis://127.0.0.1:9', socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  return client.connect().then(
    () => 'connected',
    (error) => error.code ?? error.errors?.[0]?.code,
  );
});
await tell('openwhisk', () => {
  const openwhisk = require('openwhisk');
  const client = openwhisk({ apihost: '127.0.0.1:9', api_key: 'a:b' });
  return Object.keys(client).sort();
});
