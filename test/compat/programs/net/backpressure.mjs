import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { once, sleep, tell } from '../support/tell.mjs';

const payload = randomBytes(8 << 20);
const expected = createHash('sha1').update(payload).digest('hex');
const received = createHash('sha1');
let size = 0;
const server = net.createServer((socket) => {
  socket.pause();
  setTimeout(() => socket.resume(), 30);
  socket.on('data', (data) => {
    received.update(data);
    size += data.length;
    if (size % 5 === 0) {
      socket.pause();
      setImmediate(() => socket.resume());
    }
  });
  socket.on('end', () => socket.end('done'));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const client = net.connect(server.address().port, '127.0.0.1');
let waits = 0;
for (let at = 0; at < payload.length; at += 65_536) {
  if (!client.write(payload.subarray(at, at + 65_536))) {
    waits += 1;
    await once(client, 'drain');
  }
}
client.end();
const [answer] = [await once(client, 'data')];
await tell('all arrived', () => [
  size === payload.length,
  received.digest('hex') === expected,
  String(answer),
  waits > 0,
]);
await tell('bytesWritten', () => client.bytesWritten === payload.length);
server.close();
await once(server, 'close');

await tell('a reader that does not read stops the writer', async () => {
  const quiet = net.createServer((socket) => socket.pause());
  quiet.listen(0, '127.0.0.1');
  await once(quiet, 'listening');
  const writer = net.connect(quiet.address().port, '127.0.0.1');
  writer.write(Buffer.alloc(64 << 20));
  await sleep(50);
  const stuck = writer.writableLength > 0;
  writer.destroy();
  quiet.close();
  return stuck;
});
await tell('cork', async () => {
  const chunks = [];
  const corked = net.createServer((socket) => socket.on('data', (data) => chunks.push(String(data))));
  corked.listen(0, '127.0.0.1');
  await once(corked, 'listening');
  const writer = net.connect(corked.address().port, '127.0.0.1');
  await once(writer, 'connect');
  writer.cork();
  for (const text of ['a', 'b', 'c', 'd']) writer.write(text);
  writer.uncork();
  writer.end();
  corked.close();
  await once(corked, 'close');
  return chunks;
});
await tell('onread buffer', async () => {
  const sender = net.createServer((socket) => socket.end('0123456789'));
  sender.listen(0, '127.0.0.1');
  await once(sender, 'listening');
  const texts = [];
  const reader = net.connect({
    port: sender.address().port,
    host: '127.0.0.1',
    onread: {
      buffer: Buffer.alloc(4),
      callback: (count, buffer) => texts.push(buffer.toString('latin1', 0, count)) > 0,
    },
  });
  await once(reader, 'close');
  sender.close();
  return texts;
});
