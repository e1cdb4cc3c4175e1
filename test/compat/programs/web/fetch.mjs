import http from 'node:http';
import { once, tell } from '../support/tell.mjs';

const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  if (request.url === '/redirect') return response.writeHead(302, { location: '/target' }).end();
  if (request.url === '/loop') return response.writeHead(302, { location: '/loop' }).end();
  if (request.url === '/stream') {
    for (let i = 0; i < 3; i += 1) {
      response.write(`part ${i}\n`);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    return response.end();
  }
  if (request.url === '/never') return undefined;
  if (request.url === '/broken')
    return response.writeHead(200, { 'content-length': 10 }).end('abc', () => response.destroy());
  if (request.url === '/gzip') {
    const { gzipSync } = await import('node:zlib');
    return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unzipped'));
  }
  response.setHeader('content-type', 'application/json');
  const type = request.headers['content-type']?.replace(/boundary=.*/, 'boundary');
  return response.end(JSON.stringify({ method: request.method, url: request.url, type, size: body.length }));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${server.address().port}`;
await tell('json', async () => (await fetch(`${base}/a?b=1`)).json());
await tell('post', async () => (await fetch(base, { method: 'POST', body: 'text' })).json());
await tell('json body', async () =>
  (
    await fetch(base, {
      method: 'PUT',
      body: JSON.stringify({ a: 1 }),
      headers: { 'content-type': 'application/json' },
    })
  ).json(),
);
await tell('form', async () => {
  const form = new FormData();
  form.set('a', '1');
  form.append('file', new File(['content'], 'name.txt', { type: 'text/plain' }));
  const { type, method } = await (await fetch(base, { method: 'POST', body: form })).json();
  return [type, method];
});
await tell('URLSearchParams', async () =>
  (await fetch(base, { method: 'POST', body: new URLSearchParams({ a: 'b c' }) })).json(),
);
await tell('stream body', async () =>
  (await fetch(base, { method: 'POST', body: new Blob(['x'.repeat(100_000)]).stream(), duplex: 'half' })).json(),
);
await tell('redirect', async () => {
  const response = await fetch(`${base}/redirect`);
  return [response.redirected, new URL(response.url).pathname];
});
await tell('manual', async () => (await fetch(`${base}/redirect`, { redirect: 'manual' })).status);
await tell('loop', () => fetch(`${base}/loop`).catch((error) => [error.message, error.cause.message]));
await tell('streaming', async () => {
  let text = '';
  for await (const part of (await fetch(`${base}/stream`)).body) text += Buffer.from(part).toString();
  return text;
});
await tell('gzip', async () => (await fetch(`${base}/gzip`)).text());
await tell('timeout', () => fetch(`${base}/never`, { signal: AbortSignal.timeout(15) }).catch((error) => error.name));
await tell('abort', async () => {
  const control = new AbortController();
  setTimeout(() => control.abort(new Error('mine')), 5);
  return fetch(`${base}/never`, { signal: control.signal }).catch((error) => error.message);
});
await tell('broken', async () =>
  (await fetch(`${base}/broken`)).text().catch((error) => [error.name, error.message, error.cause?.code]),
);
await tell('refused', () =>
  fetch('http://127.0.0.1:9/').catch((error) => [error.message, error.cause?.code ?? error.cause?.message]),
);
await tell('bad URL', () => fetch('nonsense').catch((error) => [error.name, error.cause?.code]));
await tell('data URL', async () => (await fetch('data:text/plain;base64,aGVsbG8=')).text());
await tell('blob URL', async () => {
  const url = URL.createObjectURL(new Blob(['blob text']));
  const text = await (await fetch(url)).text();
  URL.revokeObjectURL(url);
  return text;
});
await tell(
  '30 at once',
  async () =>
    (await Promise.all(Array.from({ length: 30 }, async (_, i) => (await (await fetch(`${base}/${i}`)).json()).url)))
      .length,
);
server.closeAllConnections();
server.close();
