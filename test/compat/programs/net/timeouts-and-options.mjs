import net from 'node:net';
import { once, tell } from '../support/tell.mjs';

const server = net.createServer({ noDelay: true, keepAlive: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const open = async (options = {}) => {
  const socket = net.connect({ port, host: '127.0.0.1', ...options });
  await once(socket, 'connect');
  return socket;
};
await tell('options', async () => {
  const socket = await open({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 });
  socket.setNoDelay(false).setKeepAlive(true, 5000).setKeepAlive(false).ref().unref().ref();
  socket.end();
  await once(socket, 'close');
  return 'set';
});
await tell('timeout', async () => {
  const socket = await open();
  socket.setTimeout(20);
  await once(socket, 'timeout');
  const alive = !socket.destroyed;
  socket.destroy();
  return alive;
});
await tell('timeout is put off by traffic', async () => {
  const socket = await open();
  let timeouts = 0;
  socket.setTimeout(150, () => {
    timeouts += 1;
  });
  for (let i = 0; i < 6; i += 1) {
    socket.write('x');
    await once(socket, 'data');
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  socket.destroy();
  return timeouts;
});
await tell('addresses', async () => {
  const socket = await open({ localAddress: '127.0.0.1', family: 4 });
  const { address, family } = socket.address();
  const facts = [
    address,
    family,
    socket.remoteAddress,
    socket.remoteFamily,
    socket.remotePort === port,
    socket.localPort > 0,
  ];
  socket.destroy();
  return facts;
});
await tell('other loopback addresses', async () => {
  const other = net.createServer((socket) => socket.end(socket.localAddress));
  other.listen(0, '127.5.6.7');
  await once(other, 'listening');
  const socket = net.connect(other.address().port, '127.5.6.7');
  const text = String(await once(socket, 'data'));
  other.close();
  return text;
});
await tell('localhost', async () => {
  const socket = net.connect({ port, host: 'localhost', family: 4 });
  await once(socket, 'connect');
  socket.destroy();
  return socket.remoteAddress ?? 'gone';
});
await tell('getConnections', async () => {
  const sockets = await Promise.all([open(), open(), open()]);
  await new Promise((resolve) => setTimeout(resolve, 10));
  const count = await new Promise((resolve) => server.getConnections((error, value) => resolve([error, value >= 3])));
  for (const socket of sockets) socket.destroy();
  return count;
});
await tell('maxConnections', async () => {
  const small = net.createServer((socket) => socket.on('error', () => {}).write('welcome'));
  small.maxConnections = 1;
  small.listen(0, '127.0.0.1');
  await once(small, 'listening');
  const first = net.connect(small.address().port, '127.0.0.1');
  await once(first, 'data');
  const second = net.connect(small.address().port, '127.0.0.1');
  const dropped = once(small, 'drop');
  second.on('error', () => {});
  second.resume();
  const { localAddress } = await dropped;
  first.destroy();
  small.close();
  return localAddress;
});
await tell('close waits for connections', async () => {
  const slow = net.createServer((socket) => socket.resume().on('end', () => socket.end()));
  slow.listen(0, '127.0.0.1');
  await once(slow, 'listening');
  const socket = net.connect(slow.address().port, '127.0.0.1');
  await once(socket, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 10));
  let closed = false;
  slow.close(() => {
    closed = true;
  });
  const refused = await new Promise((resolve) =>
    net.connect(slow.address()?.port ?? socket.remotePort, '127.0.0.1').on('error', (error) => resolve(error.code)),
  );
  const before = closed;
  socket.end();
  await once(slow, 'close');
  return [refused, before, closed];
});
await tell('pauseOnConnect', async () => {
  const paused = net.createServer({ pauseOnConnect: true }, async (socket) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.pipe(socket);
  });
  paused.listen(0, '127.0.0.1');
  await once(paused, 'listening');
  const socket = net.connect(paused.address().port, '127.0.0.1');
  socket.end('kept');
  const text = String(await once(socket, 'data'));
  paused.close();
  return text;
});
await tell('BlockList', () => {
  const list = new net.BlockList();
  list.addSubnet('10.0.0.0', 8);
  return [list.check('10.1.2.3'), list.check('11.0.0.1'), list.check('::ffff:10.0.0.1', 'ipv6')];
});
await tell('isIP', () => [
  net.isIP('::1'),
  net.isIPv4('1.2.3'),
  new net.SocketAddress({ address: '1.2.3.4', port: 5 }).family,
]);
server.close();
