import https from 'node:https';
import { facts, once, tell } from '../support/tell.mjs';
import { caCertificate, serverCertificate, serverKey } from '../support/tls.mjs';

const server = https.createServer({ key: serverKey, cert: serverCertificate }, (request, response) => {
  response.end(`${request.url} ${request.socket.getProtocol()} ${request.socket.isSessionReused()}`);
});
server.on('tlsClientError', () => {});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const ask = (options) =>
  new Promise((resolve, reject) => {
    https
      .get({ host: '127.0.0.1', port, servername: 'localhost', ca: caCertificate, ...options }, (response) => {
        let text = '';
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });
await tell('get', () => ask({ path: '/a' }));
await tell('TLS 1.2', () => ask({ path: '/b', maxVersion: 'TLSv1.2' }));
await tell('keep-alive', async () => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  const answers = [await ask({ agent }), await ask({ agent })];
  agent.destroy();
  return answers;
});
await tell('sessions are reused', async () => {
  const agent = new https.Agent({ maxCachedSessions: 10 });
  await ask({ agent, maxVersion: 'TLSv1.2' });
  return ask({ agent, maxVersion: 'TLSv1.2' });
});
await tell('unknown authority', () => ask({ ca: [] }).catch(({ code, message }) => [code, message]));
await tell('not verified', () => ask({ ca: [], rejectUnauthorized: false }));
await tell('wrong name', () => ask({ servername: 'other.test' }).catch(({ code, reason }) => [code, reason]));
await tell('own check', () => ask({ checkServerIdentity: () => new Error('mine') }).catch(({ message }) => message));
await tell('plain text to TLS', async () => {
  const http = await import('node:http');
  return new Promise((resolve) =>
    http.get({ host: '127.0.0.1', port }).on('error', (error) => resolve(facts(error).code)),
  );
});
await tell('fetch', () => fetch(`https://127.0.0.1:${port}/`).catch((error) => [error.message, error.cause.code]));
server.close();
