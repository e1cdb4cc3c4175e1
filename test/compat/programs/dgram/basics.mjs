import dgram from 'node:dgram';
import { facts, once, tell } from '../support/tell.mjs';

const bound = async (options = 'udp4', address = '127.0.0.1') => {
  const socket = dgram.createSocket(options);
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
};
const a = await bound();
const b = await bound();
await tell('send', async () => {
  const got = once(b, 'message');
  a.send('hello', b.address().port, '127.0.0.1');
  const [message, { address, family, port, size }] = await got;
  return [String(message), address, family, port === a.address().port, size];
});
await tell('parts', async () => {
  const got = once(b, 'message');
  a.send(['one ', Buffer.from('two '), new Uint8Array([51])], b.address().port, '127.0.0.1');
  return String((await got)[0]);
});
await tell('empty', async () => {
  const got = once(b, 'message');
  a.send('', b.address().port, '127.0.0.1');
  return (await got)[0].length;
});
for (const size of [1472, 8192, 65_000, 65_507]) {
  await tell(`${size} bytes`, async () => {
    const got = once(b, 'message');
    a.send(Buffer.alloc(size, 'd'), b.address().port, '127.0.0.1');
    const [message] = await got;
    return [message.length, message.every((byte) => byte === 100)];
  });
}
await tell(
  '65508 bytes',
  () =>
    new Promise((resolve) =>
      a.send(Buffer.alloc(65_508), b.address().port, '127.0.0.1', (error) => resolve([error.code, error.syscall])),
    ),
);
await tell('connected', async () => {
  const c = await bound();
  await new Promise((resolve) => c.connect(b.address().port, '127.0.0.1', resolve));
  const got = once(b, 'message');
  c.send('connected');
  const [message] = await got;
  const remote = c.remoteAddress();
  const answer = once(c, 'message');
  b.send('back', c.address().port, '127.0.0.1');
  const result = [String(message), remote.address, remote.family, String((await answer)[0])];
  a.send('from a stranger', c.address().port, '127.0.0.1');
  const strangers = [];
  c.on('message', (text) => strangers.push(String(text)));
  await new Promise((resolve) => setTimeout(resolve, 20));
  c.disconnect();
  let again;
  try {
    c.remoteAddress();
  } catch (error) {
    again = error.code;
  }
  c.close();
  return [...result, strangers, again];
});
await tell('connected to nobody', async () => {
  const c = await bound();
  const gone = await bound();
  const { port } = gone.address();
  gone.close();
  await new Promise((resolve) => c.connect(port, '127.0.0.1', resolve));
  const failed = once(c, 'error');
  c.send('anyone?');
  const error = await Promise.race([
    failed,
    new Promise((resolve) => setTimeout(() => resolve({ code: 'none' }), 200)),
  ]);
  c.close();
  return [error.code, error.syscall];
});
await tell('in use', async () => {
  const c = dgram.createSocket('udp4');
  c.bind(a.address().port, '127.0.0.1');
  const { code, syscall } = facts(await once(c, 'error'));
  return [code, syscall];
});
await tell('reuseAddr', async () => {
  const c = await bound({ type: 'udp4', reuseAddr: true });
  const d = dgram.createSocket({ type: 'udp4', reuseAddr: true });
  d.bind(c.address().port, '127.0.0.1');
  const result = await Promise.race([
    once(d, 'listening').then(() => 'listening'),
    once(d, 'error').then((error) => error.code),
  ]);
  c.close();
  d.close();
  return result;
});
await tell('options', async () => {
  a.setTTL(32);
  a.setBroadcast(true);
  a.setRecvBufferSize(100_000);
  a.setSendBufferSize(100_000);
  return [
    a.getRecvBufferSize() >= 100_000,
    a.getSendBufferSize() >= 100_000,
    a.getSendQueueSize(),
    a.getSendQueueCount(),
  ];
});
await tell('many', async () => {
  let count = 0;
  const done = new Promise((resolve) => {
    b.on('message', () => {
      count += 1;
      if (count === 100) resolve();
    });
  });
  for (let i = 0; i < 100; i += 1) {
    await new Promise((resolve) => a.send(String(i), b.address().port, '127.0.0.1', resolve));
  }
  await done;
  return count;
});
await tell('udp6', async () => {
  const c = await bound('udp6', '::1');
  const d = await bound('udp6', '::1');
  const got = once(d, 'message');
  c.send('six', d.address().port, '::1');
  const [message, { address, family }] = await got;
  c.close();
  d.close();
  return [String(message), address, family];
});
await tell('send without bind', async () => {
  const c = dgram.createSocket('udp4');
  const got = once(a, 'message');
  c.send('unbound', a.address().port, '127.0.0.1');
  const [message] = await got;
  const { address } = c.address();
  c.close();
  return [String(message), address];
});
await tell('signal', async () => {
  const control = new AbortController();
  const c = dgram.createSocket({ type: 'udp4', signal: control.signal });
  control.abort();
  await once(c, 'close');
  return 'closed';
});
a.close();
b.close();
await tell('closed', () => a.send('x', 1, '127.0.0.1'));
