import fs from 'node:fs';
import net from 'node:net';
import { facts, once, tell } from '../support/tell.mjs';

async function echo(path) {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('end', () => socket.end(text.toUpperCase()));
  });
  server.listen(path);
  await Promise.race([once(server, 'listening'), once(server, 'error').then((error) => Promise.reject(error))]);
  const client = net.connect(path);
  client.end('hello');
  const text = String(await once(client, 'data'));
  return { server, text };
}
const close = async (server) => {
  server.close();
  await once(server, 'close');
};
await tell('path', async () => {
  const { server, text } = await echo('socket');
  const facts = [
    text,
    server.address(),
    fs.existsSync('socket'),
    fs.lstatSync('socket', { throwIfNoEntry: false })?.isSocket(),
  ];
  await close(server);
  return [...facts, fs.existsSync('socket')];
});
await tell('absolute path', async () => {
  const { server, text } = await echo(`${process.cwd()}/absolute.sock`);
  await close(server);
  return text;
});
await tell('abstract', async () => {
  const { server, text } = await echo('\0compat-abstract');
  const gone = fs.existsSync('\0compat-abstract');
  await close(server);
  return [text, gone];
});
await tell('taken', async () => {
  const { server } = await echo('taken');
  const second = net.createServer().listen('taken');
  const error = facts(await once(second, 'error'));
  await close(server);
  return error;
});
await tell('taken by a file', async () => {
  fs.writeFileSync('plain-file', '');
  return facts(await once(net.createServer().listen('plain-file'), 'error'));
});
await tell('nobody there', async () => facts(await once(net.connect('missing'), 'error')));
await tell('a file that is no socket', async () => facts(await once(net.connect('plain-file'), 'error')));
await tell('in a missing folder', async () => facts(await once(net.createServer().listen('no/such/socket'), 'error')));
await tell('abstract, nobody there', async () => (await once(net.connect('\0compat-missing'), 'error')).code);
await tell('left behind by nobody', async () => {
  const { server } = await echo('left');
  fs.renameSync('left', 'moved');
  const client = net.connect('moved');
  await once(client, 'connect');
  client.end('x');
  await once(client.resume(), 'end');
  await close(server);
  const stale = await once(net.connect('moved'), 'error');
  return stale.code;
});
await tell('readFile of a socket', async () => {
  const { server } = await echo('readable');
  try {
    return fs.readFileSync('readable');
  } finally {
    await close(server);
  }
});
await tell('too long', async () => facts(await once(net.connect('x'.repeat(200)), 'error')).code);
await tell('big transfer', async () => {
  const data = Buffer.alloc(3_000_000, 'xyz');
  const server = net.createServer((socket) => socket.end(data)).listen('big');
  await once(server, 'listening');
  const parts = [];
  for await (const part of net.connect('big')) parts.push(part);
  await close(server);
  return Buffer.concat(parts).equals(data);
});
