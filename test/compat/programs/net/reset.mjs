import net from 'node:net';
import { once, sleep, tell } from '../support/tell.mjs';

async function pair(onServer) {
  const server = net.createServer(onServer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  return { server, client };
}
function ending(socket) {
  const seen = [];
  for (const event of ['end', 'error']) socket.on(event, (value) => seen.push(value?.code ?? event));
  return new Promise((resolve) => socket.on('close', (hadError) => resolve([...seen, hadError])));
}
await tell('resetAndDestroy by the server', async () => {
  const { server, client } = await pair((socket) => socket.resetAndDestroy());
  client.resume();
  const result = await ending(client);
  server.close();
  return result;
});
await tell('resetAndDestroy by the client', async () => {
  let seen;
  const { server, client } = await pair((socket) => {
    socket.resume();
    seen = ending(socket);
    client.resetAndDestroy();
  });
  await once(client, 'close');
  const result = await seen;
  server.close();
  return result;
});
await tell('destroy with unread data', async () => {
  const { server, client } = await pair((socket) => {
    socket.pause();
    setTimeout(() => socket.destroy(), 20);
  });
  client.write('never read');
  client.resume();
  const result = await ending(client);
  server.close();
  return result;
});
await tell('write to a closed peer', async () => {
  const { server, client } = await pair((socket) => socket.destroy());
  client.on('error', () => {});
  const closed = once(client, 'close');
  for (let i = 0; i < 20 && !client.destroyed; i += 1) {
    client.write('x');
    await sleep(2);
  }
  await closed;
  server.close();
  return client.destroyed;
});
await tell('destroy with an error', async () => {
  const { server, client } = await pair((socket) => socket.on('error', () => {}));
  await once(client, 'connect');
  client.destroy(new Error('mine'));
  const error = await once(client, 'error');
  server.close();
  return error.message;
});
await tell('destroySoon', async () => {
  const { server, client } = await pair((socket) => {
    socket.write(Buffer.alloc(200_000, 'd'));
    socket.destroySoon();
  });
  let size = 0;
  client.on('data', (data) => {
    size += data.length;
  });
  await once(client, 'close');
  server.close();
  return size;
});
