import { connect, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createActionServer } from './http-server.ts';
import { ActionService } from './service.ts';

let server: Server;
const sockets: Socket[] = [];

/** Without an action: /run tells by its error that it was reached. */
async function open(): Promise<Socket> {
  if (sockets.length === 0) {
    server = createActionServer(new ActionService({ concurrent: false }));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  }
  const socket = connect({ port: (server.address() as { port: number }).port, allowHalfOpen: true });
  sockets.push(socket);
  return socket;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

/** What comes until `count` bodies ended with a brace, or the end of the connection. */
function answers(socket: Socket, count: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if ((text.match(/\}/g) ?? []).length >= count) resolve(text);
    });
    socket.on('close', () => resolve(text));
    socket.on('end', () => resolve(text));
  });
}

const notInitialized = '{"error":"System not initialized."}';
const plain = 'POST /run HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}';

const shapes: Record<string, readonly string[]> = {
  'a plain request': [plain],
  'in two pieces': [plain.slice(0, 60), plain.slice(60)],
  'byte by byte': [...plain],
  chunked: ['POST /run HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n'],
  'with a query': ['POST /run?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}'],
  'HTTP/1.0': ['POST /run HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}'],
  'to be closed': ['POST /run HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}'],
};

for (const [shape, pieces] of Object.entries(shapes)) {
  test(`a request is answered: ${shape}`, async () => {
    const socket = await open();
    const answer = answers(socket, 1);
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect((await answer).endsWith(notInitialized)).toBe(true);
  });
}

test('who waits to be told to go on is told', async () => {
  const socket = await open();
  const text = answers(socket, 1);
  socket.write('POST /run HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  await new Promise<void>((resolve) => {
    socket.once('data', (bytes: Buffer) => {
      expect(bytes.toString()).toMatch(/^HTTP\/1\.1 100 Continue/);
      resolve();
    });
  });
  socket.write('{}');
  expect((await text).endsWith(notInitialized)).toBe(true);
});

test('requests sent at once are answered in their order', async () => {
  const socket = await open();
  const text = answers(socket, 5);
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  socket.write(plain);
  socket.write(plain + get);
  socket.write(plain);
  socket.write(plain);
  const bodies = [...(await text).matchAll(/\{.*?\}/g)].map(([body]) => body);
  expect(bodies).toEqual([notInitialized, notInitialized, '{"error":"Bad request."}', notInitialized, notInitialized]);
});

test('requests that follow each other on a connection are answered, plain ones and others', async () => {
  const socket = await open();
  for (const request of [plain, plain, shapes.chunked?.[0] ?? '', plain]) {
    const text = answers(socket, 1);
    socket.write(request);
    expect((await text).endsWith(notInitialized)).toBe(true);
    socket.removeAllListeners('data');
  }
});

test('a sender that has said all gets its answer, and then the end', async () => {
  const socket = await open();
  const ended = new Promise((resolve) => socket.on('end', resolve));
  const text = answers(socket, 1);
  socket.end(plain);
  expect((await text).endsWith(notInitialized)).toBe(true);
  await ended;
});

test('what is no HTTP is refused, and another connection is not harmed', async () => {
  const first = await open();
  const text = answers(first, 1);
  first.write('hello\r\n\r\n');
  expect(await text).toMatch(/^HTTP\/1\.1 400 Bad Request/);
  const second = await open();
  const answer = answers(second, 1);
  second.write(plain);
  expect((await answer).endsWith(notInitialized)).toBe(true);
});

test('a sender that goes away while it is answered harms nobody', async () => {
  const first = await open();
  first.write(plain);
  first.resetAndDestroy();
  const second = await open();
  const answer = answers(second, 1);
  second.write(plain);
  expect((await answer).endsWith(notInitialized)).toBe(true);
});
