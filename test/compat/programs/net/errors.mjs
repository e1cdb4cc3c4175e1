import net from 'node:net';
import { facts, once, tell } from '../support/tell.mjs';

const failure = (emitter) => new Promise((resolve) => emitter.on('error', (error) => resolve(facts(error))));
const listening = async (options) => {
  const server = net.createServer();
  server.listen(options);
  await once(server, 'listening');
  return server;
};
const hide = (text, port) => JSON.parse(JSON.stringify(text).replaceAll(String(port), 'PORT'));
await tell('refused', () => failure(net.connect(9, '127.0.0.1')));
await tell('refused by name', () => failure(net.connect({ port: 9, host: '127.0.0.1', localAddress: '127.0.0.1' })));
await tell('in use', async () => {
  const server = await listening({ port: 0, host: '127.0.0.1' });
  const { port } = server.address();
  const second = net.createServer();
  second.listen(port, '127.0.0.1');
  const error = await failure(second);
  server.close();
  return hide(error, port);
});
await tell('in use by a wildcard', async () => {
  const server = await listening({ port: 0, host: '0.0.0.0' });
  const { port } = server.address();
  const second = net.createServer();
  second.listen(port, '127.0.0.1');
  const error = await failure(second);
  server.close();
  return hide(error, port);
});
await tell('the port is free again', async () => {
  const server = await listening({ port: 0, host: '127.0.0.1' });
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  const again = await listening({ port, host: '127.0.0.1' });
  again.close();
  return 'listened';
});
await tell('an address that is not here', () => {
  const server = net.createServer();
  server.listen(0, '198.51.100.7');
  return failure(server);
});
await tell('listen twice', async () => {
  const server = await listening({ port: 0, host: '127.0.0.1' });
  try {
    server.listen(0);
  } finally {
    server.close();
  }
});
await tell('close twice', async () => {
  const server = await listening({ port: 0, host: '127.0.0.1' });
  server.close();
  return new Promise((resolve) => server.close((error) => resolve(error.code)));
});
await tell('write after end', async () => {
  const server = await listening({ port: 0, host: '127.0.0.1' });
  const socket = net.connect(server.address().port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end();
  const error = failure(socket);
  socket.write('x');
  server.close();
  return error;
});
await tell('bad port', () => net.connect(70_000, '127.0.0.1'));
await tell('aborted', async () => {
  const control = new AbortController();
  const socket = net.connect({ port: 9, host: '127.0.0.1', signal: control.signal });
  control.abort();
  return (await failure(socket)).name;
});
await tell('aborted server', async () => {
  const control = new AbortController();
  const server = net.createServer();
  server.listen({ port: 0, host: '127.0.0.1', signal: control.signal });
  await once(server, 'listening');
  control.abort();
  await once(server, 'close');
  return server.listening;
});
