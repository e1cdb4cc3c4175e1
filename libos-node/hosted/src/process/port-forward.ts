/** Shows a unix socket as a TCP port of 127.0.0.1. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface PortForward {
  close(): void;
}

export async function forwardPort(port: number, path: string): Promise<PortForward> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const guest = connect({ path, allowHalfOpen: true });
    for (const [socket, other] of [
      [client, guest],
      [guest, client],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroySoon();
      });
    }
  });
  await listen(server, port);
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
