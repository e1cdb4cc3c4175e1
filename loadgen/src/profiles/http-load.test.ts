import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { HttpLoad } from './http-load.ts';

async function serving(answer: RequestListener): Promise<Server & AsyncDisposable> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

test('counts the requests of all connections', async () => {
  let served = 0;
  await using server = await serving((_, response) => {
    served += 1;
    response.end('hello');
  });
  const load = await HttpLoad.open(portOf(server), 4);
  try {
    const { requests, perSecond, p50, p99 } = await load.run(100);
    // One per connection came before, to learn the length of an answer.
    expect(requests).toBe(served - 4);
    expect(requests).toBeGreaterThan(10);
    expect(perSecond).toBeGreaterThan(0);
    expect(p50).toBeLessThanOrEqual(p99);
  } finally {
    load.close();
  }
});

test.each<[string, RequestListener]>([
  ['another answer', (_, response) => response.end('jello')],
  ['a closed connection', (request) => request.socket.destroy()],
])('%s is an error', async (_, wrong) => {
  let answer: RequestListener = (_request, response) => response.end('hello');
  await using server = await serving((request, response) => answer(request, response));
  const load = await HttpLoad.open(portOf(server), 2);
  try {
    answer = wrong;
    await expect(load.run(100)).rejects.toThrow('the server');
  } finally {
    load.close();
  }
});
