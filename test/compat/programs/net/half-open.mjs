import net from 'node:net';
import { once } from '../support/tell.mjs';

for (const allowHalfOpen of [true, false]) {
  const log = [];
  const server = net.createServer({ allowHalfOpen }, (socket) => {
    socket.on('data', (data) => log.push(`server data ${data}`));
    socket.on('end', () => {
      log.push(`server end, writable ${socket.writable}`);
      if (allowHalfOpen) setTimeout(() => socket.end('late answer'), 10);
    });
    socket.on('close', (hadError) => log.push(`server close ${hadError}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('data', (data) => log.push(`client data ${data}`));
  client.on('end', () => log.push('client end'));
  client.end('question');
  await once(client, 'end');
  client.end();
  server.close();
  await once(server, 'close');
  console.log(allowHalfOpen, log);
}
