import net from 'node:net';
import { once } from '../support/tell.mjs';

const count = 1000;
const accepted = [];
const server = net.createServer((socket) => {
  accepted.push(socket);
  socket.on('error', () => {});
  socket.on('data', (data) => socket.write(data));
});
server.listen(0, '127.0.0.1', 2048);
await once(server, 'listening');
const { port } = server.address();
const clients = [];
for (let i = 0; i < count; i += 1) {
  const client = net.connect(port, '127.0.0.1');
  client.on('error', (error) => console.log(error.code));
  clients.push(client);
}
await Promise.all(clients.map((client) => once(client, 'connect')));
const echoes = await Promise.all(
  clients.map((client, i) => {
    client.write(String(i));
    return once(client, 'data').then(String);
  }),
);
console.log('sockets open', clients.length + accepted.length);
console.log(
  'echoes',
  echoes.every((text, i) => text === String(i)),
);
const closed = Promise.all(accepted.map((socket) => once(socket, 'close')));
for (const client of clients) client.end();
await closed;
server.close();
await once(server, 'close');
console.log('closed');
