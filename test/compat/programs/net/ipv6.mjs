import net from 'node:net';
import { facts, once, tell } from '../support/tell.mjs';

async function exchange(listenOn, connectTo) {
  const server = net.createServer((socket) => socket.end(`${socket.remoteAddress} ${socket.remoteFamily}`));
  server.listen({ port: 0, ...listenOn });
  await Promise.race([once(server, 'listening'), once(server, 'error').then((error) => Promise.reject(error))]);
  const { address, family, port } = server.address();
  const socket = net.connect({ port, ...connectTo });
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  const error = await new Promise((resolve) => {
    socket.on('error', resolve);
    socket.on('end', () => resolve(undefined));
  });
  server.close();
  return [address, family, text, error === undefined ? 'fine' : facts(error).code];
}
await tell('::1 to ::1', () => exchange({ host: '::1' }, { host: '::1' }));
await tell(':: to ::1', () => exchange({ host: '::' }, { host: '::1' }));
await tell(':: to 127.0.0.1', () => exchange({ host: '::' }, { host: '127.0.0.1' }));
await tell('default to 127.0.0.1', () => exchange({}, { host: '127.0.0.1' }));
await tell('default to localhost', async () => (await exchange({}, { host: 'localhost' }))[3]);
await tell('ipv6Only to 127.0.0.1', () => exchange({ host: '::', ipv6Only: true }, { host: '127.0.0.1' }));
await tell('ipv6Only to ::1', () => exchange({ host: '::', ipv6Only: true }, { host: '::1' }));
await tell('0.0.0.0 to ::1', () => exchange({ host: '0.0.0.0' }, { host: '::1' }));
await tell('v4-mapped', () => exchange({ host: '::' }, { host: '::ffff:127.0.0.1' }));
await tell('v4-mapped to v4', () => exchange({ host: '127.0.0.1' }, { host: '::ffff:127.0.0.1' }));
await tell('both at one port', async () => {
  const first = net.createServer().listen(0, '127.0.0.1');
  await once(first, 'listening');
  const second = net.createServer().listen(first.address().port, '::1');
  const result = await Promise.race([
    once(second, 'listening').then(() => 'listening'),
    once(second, 'error').then((error) => error.code),
  ]);
  first.close();
  second.close();
  return result;
});
