import http from 'node:http';
import { facts, once, tell } from '../support/tell.mjs';

const text = async (response) => {
  let all = '';
  for await (const part of response.setEncoding('utf8')) all += part;
  return all;
};
async function withServer(handler, use, options = {}) {
  const server = http.createServer(options, handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use(server.address().port, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
const ask = (port, options = {}, body) =>
  new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', ...options }, resolve);
    request.on('error', reject);
    request.end(body);
  });
await tell('echo', () =>
  withServer(
    async (request, response) => response.end(`${request.method} ${request.url} ${await text(request)}`),
    async (port) => text(await ask(port, { method: 'PUT', path: '/p?q=1' }, 'body')),
  ),
);
await tell('headers', () =>
  withServer(
    (request, response) => {
      response.writeHead(203, 'Custom', [
        ['X-A', '1'],
        ['X-A', '2'],
        ['Set-Cookie', 'a=b'],
      ]);
      response.end(JSON.stringify(request.headers['x-in']));
    },
    async (port) => {
      const response = await ask(port, { headers: { 'x-in': ['1', '2'] } });
      return [
        response.statusCode,
        response.statusMessage,
        response.headers['x-a'],
        response.headers['set-cookie'],
        await text(response),
      ];
    },
  ),
);
await tell('trailers', () =>
  withServer(
    (request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write('content');
        response.addTrailers({ 'X-Sum': request.trailers['x-in'] ?? 'none' });
        response.end();
      });
    },
    (port) =>
      new Promise((resolve) => {
        const request = http.request(
          { port, host: '127.0.0.1', method: 'POST', headers: { Trailer: 'X-In', 'Transfer-Encoding': 'chunked' } },
          (response) => {
            response.resume().on('end', () => resolve(response.trailers));
          },
        );
        request.write('x');
        request.addTrailers({ 'X-In': 'sent' });
        request.end();
      }),
  ),
);
await tell('expect-continue', () =>
  withServer(
    async (request, response) => response.end(await text(request)),
    (port) =>
      new Promise((resolve) => {
        const log = [];
        const request = http.request(
          { port, host: '127.0.0.1', method: 'POST', headers: { Expect: '100-continue' } },
          async (response) => resolve([...log, await text(response)]),
        );
        request.on('continue', () => {
          log.push('continue');
          request.end('after');
        });
        request.flushHeaders();
      }),
  ),
);
await tell('upgrade', () =>
  withServer(null, async (port, server) => {
    server.on('upgrade', (request, socket, head) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
      socket.pipe(socket);
    });
    const request = http.request({ port, host: '127.0.0.1', headers: { Connection: 'Upgrade', Upgrade: 'echo' } });
    request.end();
    const [response, socket] = await once(request, 'upgrade');
    socket.write('upgraded');
    const answer = String(await once(socket, 'data'));
    socket.destroy();
    return [response.statusCode, answer];
  }),
);
await tell('connect', () =>
  withServer(null, async (port, server) => {
    server.on('connect', (request, socket) => {
      socket.end(`HTTP/1.1 200 OK\r\n\r\n${request.url}`);
    });
    const request = http.request({ port, host: '127.0.0.1', method: 'CONNECT', path: 'example.test:443' });
    request.end();
    const [response, socket, head] = await once(request, 'connect');
    const body = head.length > 0 ? String(head) : String(await once(socket, 'data'));
    return [response.statusCode, body];
  }),
);
await tell('early hints', () =>
  withServer(
    (request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.end();
    },
    async (port) => {
      const request = http.get({ port, host: '127.0.0.1' });
      const information = once(request, 'information');
      const response = await once(request, 'response');
      response.resume();
      return [(await information).statusCode, response.statusCode];
    },
  ),
);
await tell('keep-alive agent', () =>
  withServer(
    (request, response) => response.end(String(request.socket.remotePort)),
    async (port) => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const ports = [];
      for (let i = 0; i < 4; i += 1) ports.push(await text(await ask(port, { agent })));
      const queued = await Promise.all([1, 2, 3].map(async () => text(await ask(port, { agent }))));
      agent.destroy();
      return new Set([...ports, ...queued]).size;
    },
  ),
);
await tell('pipelining', () =>
  withServer(
    (request, response) => setTimeout(() => response.end(request.url), request.url === '/a' ? 10 : 0),
    async (port) => {
      const { connect } = await import('node:net');
      const socket = connect(port, '127.0.0.1');
      socket.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      let all = '';
      for await (const part of socket) all += part;
      return [all.match(/\/[ab]/g), all.match(/HTTP\/1.1 200/g).length];
    },
  ),
);
await tell('aborted by the client', () =>
  withServer(
    (request, response) => {
      response.write('begin');
      request.socket.on('close', () => request.emit('gone'));
    },
    async (port, server) => {
      const closed = new Promise((resolve) =>
        server.once('request', (request, response) => response.on('close', () => resolve(response.writableFinished))),
      );
      const response = await ask(port);
      response.on('error', () => {});
      response.destroy();
      return closed;
    },
  ),
);
await tell('aborted by the server', () =>
  withServer(
    (request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('part');
      setTimeout(() => request.socket.destroy(), 5);
    },
    async (port) => {
      const response = await ask(port);
      return text(response).catch(facts);
    },
  ),
);
await tell('hang up before an answer', () =>
  withServer(
    (request) => request.socket.destroy(),
    (port) => ask(port),
  ),
);
await tell('AbortSignal', () =>
  withServer(
    () => {},
    (port) =>
      ask(port, { signal: AbortSignal.timeout(10) }).catch((error) => [error.name, error.code, error.cause?.name]),
  ),
);
await tell('request timeout', () =>
  withServer(
    () => {},
    (port) =>
      new Promise((resolve) => {
        const request = http.get({ port, host: '127.0.0.1', timeout: 15 });
        request.on('timeout', () => request.destroy(new Error('gave up')));
        request.on('error', (error) => resolve(error.message));
      }),
  ),
);
await tell('bad request', () =>
  withServer(null, async (port) => {
    const { connect } = await import('node:net');
    const socket = connect(port, '127.0.0.1');
    socket.end('NONSENSE\r\n\r\n');
    return String(await once(socket, 'data')).split('\r\n')[0];
  }),
);
await tell('too many header bytes', () =>
  withServer(
    (request, response) => response.end(),
    async (port) => (await ask(port, { headers: { x: 'y'.repeat(20_000) } })).statusCode,
  ),
);
await tell('refused', () => ask(9));
await tell('over a unix socket', async () => {
  const server = http.createServer((request, response) => response.end('unix'));
  server.listen('http.sock');
  await once(server, 'listening');
  const answer = await text(await ask(undefined, { socketPath: 'http.sock' }));
  server.close();
  return answer;
});
await tell('200 at once', () =>
  withServer(
    (request, response) => response.end(request.url),
    async (port) => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => text(await ask(port, { path: `/${i}` }))),
      );
      return answers.every((answer, i) => answer === `/${i}`);
    },
  ),
);
await tell('big bodies', () =>
  withServer(
    (request, response) => request.pipe(response),
    async (port) => {
      const data = Buffer.alloc(5_000_000, 'big');
      const answer = await text(await ask(port, { method: 'POST' }, data));
      return answer.length === data.length;
    },
  ),
);
await tell('validation', () => http.request({ path: '/a b' }));
await tell('methods', () => [http.METHODS.length > 30, http.STATUS_CODES[418], http.maxHeaderSize]);
