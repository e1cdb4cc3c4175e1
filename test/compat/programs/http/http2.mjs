import fs from 'node:fs';
import http2 from 'node:http2';
import { once, tell } from '../support/tell.mjs';
import { caCertificate, serverCertificate, serverKey } from '../support/tls.mjs';

async function read(stream) {
  let all = '';
  for await (const part of stream.setEncoding('utf8')) all += part;
  return all;
}
for (const secure of [false, true]) {
  const server = secure
    ? http2.createSecureServer({ key: serverKey, cert: serverCertificate, allowHTTP1: true })
    : http2.createServer();
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {});
    const path = headers[':path'];
    if (path === '/reset') return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    if (path === '/push' && stream.pushAllowed) {
      stream.pushStream({ ':path': '/pushed' }, (error, push) => {
        push.respond({ ':status': 200 });
        push.end('pushed');
      });
    }
    if (path === '/file') return stream.respondWithFile('file.txt', { 'content-type': 'text/plain' });
    stream.respond({ ':status': 200, 'x-path': path }, { waitForTrailers: path === '/trailers' });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
    stream.end(path === '/echo' ? await read(stream) : `body of ${path}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`${secure ? 'https' : 'http'}://localhost:${server.address().port}`, {
    ca: caCertificate,
    family: 4,
  });
  client.on('error', (error) => console.log('client error', error.code));
  const ask = async (path, body) => {
    const stream = client.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST' });
    stream.end(body);
    const trailers = new Promise((resolve) => stream.on('trailers', (headers) => resolve(headers['x-sum'])));
    const [headers] = await new Promise((resolve, reject) => {
      stream.on('response', (...values) => resolve(values));
      stream.on('error', reject);
    });
    const text = await read(stream);
    return [headers[':status'], headers['x-path'], text, path === '/trailers' ? await trailers : ''];
  };
  fs.writeFileSync('file.txt', 'from a file');
  await tell('get', () => ask('/'));
  await tell('echo', async () => (await ask('/echo', 'z'.repeat(200_000)))[2].length);
  await tell('trailers', () => ask('/trailers'));
  await tell('file', () => ask('/file'));
  await tell('reset', () => ask('/reset'));
  await tell('push', async () => {
    const pushed = once(client, 'stream').then(([stream, headers]) =>
      read(stream).then((text) => [headers[':path'], text]),
    );
    await ask('/push');
    return pushed;
  });
  await tell('100 streams', async () =>
    (await Promise.all(Array.from({ length: 100 }, (_, i) => ask(`/${i}`)))).every(([, path], i) => path === `/${i}`),
  );
  await tell(
    'ping',
    () =>
      new Promise((resolve) =>
        client.ping((error, duration, payload) => resolve([error, duration >= 0, payload.length])),
      ),
  );
  await tell('settings', () => [client.remoteSettings.headerTableSize, client.alpnProtocol, client.encrypted]);
  await tell('close', async () => {
    client.close();
    await once(client, 'close');
    server.close();
    return client.destroyed;
  });
}
