import tls from 'node:tls';
import { once, tell } from '../support/tell.mjs';
import { caCertificate, clientCertificate, clientKey, serverCertificate, serverKey } from '../support/tls.mjs';

async function exchange(serverOptions, clientOptions) {
  const server = tls.createServer({ key: serverKey, cert: serverCertificate, ...serverOptions }, (socket) => {
    socket.on('error', () => {});
    const { subject } = socket.getPeerCertificate();
    socket.end(
      JSON.stringify([
        socket.authorized,
        subject?.CN ?? 'none',
        socket.alpnProtocol,
        socket.servername,
        socket.isSessionReused(),
      ]),
    );
  });
  const failures = [];
  server.on('tlsClientError', (error) => failures.push(error.code));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connect = (more = {}) =>
    new Promise((resolve) => {
      const socket = tls.connect({
        port: server.address().port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: caCertificate,
        ...clientOptions,
        ...more,
      });
      let text = '';
      let session;
      socket.on('session', (value) => {
        session = value;
      });
      socket.on('data', (part) => {
        text += part;
      });
      socket.on('error', (error) => resolve({ error: error.code }));
      socket.on('end', () =>
        resolve({
          text,
          protocol: socket.getProtocol(),
          cipher: socket.getCipher()?.name,
          alpn: socket.alpnProtocol,
          session,
          reused: socket.isSessionReused(),
        }),
      );
    });
  const first = await connect();
  const second = first.session === undefined ? undefined : await connect({ session: first.session });
  server.close();
  delete first.session;
  return [first, second?.reused, failures];
}
await tell('defaults', () => exchange());
for (const version of ['TLSv1.2', 'TLSv1.3'])
  await tell(version, () => exchange({ minVersion: version, maxVersion: version }));
await tell('versions that do not meet', () => exchange({ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }));
await tell('client certificate', () =>
  exchange({ requestCert: true, ca: caCertificate }, { key: clientKey, cert: clientCertificate }),
);
await tell('no client certificate', () => exchange({ requestCert: true, ca: caCertificate, maxVersion: 'TLSv1.2' }));
await tell('client certificate asked but not demanded', () =>
  exchange({ requestCert: true, rejectUnauthorized: false, ca: caCertificate }),
);
await tell('ALPN', () => exchange({ ALPNProtocols: ['h2', 'x/1'] }, { ALPNProtocols: ['x/1', 'h2'] }));
await tell('no common ALPN', () => exchange({ ALPNProtocols: ['a'] }, { ALPNProtocols: ['b'] }));
await tell('SNI', () =>
  exchange(
    { SNICallback: (name, done) => done(null, tls.createSecureContext({ key: serverKey, cert: serverCertificate })) },
    { servername: 'server.test' },
  ),
);
await tell('cipher', () => exchange({ ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }));
await tell('no common cipher', () =>
  exchange(
    { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
    { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
  ),
);
await tell('PSK', () =>
  exchange(
    { key: undefined, cert: undefined, pskCallback: () => Buffer.alloc(16, 1), ciphers: 'PSK', maxVersion: 'TLSv1.2' },
    {
      pskCallback: () => ({ psk: Buffer.alloc(16, 1), identity: 'me' }),
      ciphers: 'PSK',
      checkServerIdentity: () => undefined,
    },
  ),
);
await tell('ciphers', () => [tls.getCiphers().length > 30, tls.rootCertificates.length > 100, tls.DEFAULT_MIN_VERSION]);
await tell('STARTTLS', async () => {
  const net = await import('node:net');
  const server = net.createServer((socket) => {
    socket.once('data', () => {
      socket.write('go');
      const secure = new tls.TLSSocket(socket, { isServer: true, key: serverKey, cert: serverCertificate });
      secure.on('data', (data) => secure.end(`secure ${data}`));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  socket.write('STARTTLS');
  await once(socket, 'data');
  const secure = tls.connect({ socket, ca: caCertificate, servername: 'localhost' });
  await once(secure, 'secureConnect');
  secure.write('hello');
  const answer = String(await once(secure, 'data'));
  server.close();
  return [answer, secure.authorized];
});
await tell('bulk', async () => {
  const server = tls.createServer({ key: serverKey, cert: serverCertificate }, (socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = tls.connect({
    port: server.address().port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: caCertificate,
  });
  const data = Buffer.alloc(2_000_000, 'tls');
  socket.end(data);
  const parts = [];
  for await (const part of socket) parts.push(part);
  server.close();
  return Buffer.concat(parts).equals(data);
});
