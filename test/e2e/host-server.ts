/** A server on the host's 127.0.0.1, which guests reach only through the gateway, and only on the ports that are allowed. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HostServer {
  readonly port: number;
  /** `METHOD /path` of each request, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Answers every request with JSON of what came. */
export async function startHostServer(): Promise<HostServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ url: request.url, host: request.headers.host, body: Buffer.concat(chunks).toString() }),
      );
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
