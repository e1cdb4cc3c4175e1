/**
 * Requests to an http server that always answers alike, over keep-alive connections, one request at a time on each. The client
 * shares the machine with what it measures, so it does as little as it can: all answers are of the length of the first one.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Samples } from '../samples.ts';

export interface HttpResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const request = Buffer.from('GET / HTTP/1.1\r\nHost: hello\r\n\r\n');
const body = 'hello';

export class HttpLoad {
  readonly #sockets: Socket[] = [];
  #length = 0;

  static async open(port: number, connections: number): Promise<HttpLoad> {
    const load = new HttpLoad();
    try {
      for (let i = 0; i < connections; i += 1) {
        const socket = connect({ host: '127.0.0.1', port, noDelay: true });
        load.#sockets.push(socket);
        await once(socket, 'connect');
        await load.#first(socket);
      }
    } catch (error) {
      load.close();
      throw error;
    }
    return load;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Keeps all connections busy for about `ms`. */
  run(ms: number): Promise<HttpResult> {
    const samples = new Samples();
    const from = performance.now();
    let busy = this.#sockets.length;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        busy -= 1;
        if (busy > 0) return;
        const { p50, p99 } = samples.latencies();
        const seconds = (performance.now() - from) / 1000;
        resolve({ requests: samples.count, perSecond: samples.count / seconds, p50, p99 });
      };
      for (const socket of this.#sockets) {
        let started = performance.now();
        let got = 0;
        const onData = (chunk: Buffer): void => {
          got += chunk.length;
          if (got < this.#length) return;
          const now = performance.now();
          const bad = got > this.#length || !chunk.toString('latin1', chunk.length - body.length).endsWith(body);
          if (bad) {
            reject(new Error('the server answered something else'));
            return;
          }
          samples.add(now - started);
          got = 0;
          if (now - from < ms) {
            started = now;
            socket.write(request);
            return;
          }
          socket.off('data', onData).off('close', onClose);
          done();
        };
        const onClose = (): void => reject(new Error('the server closed a connection'));
        socket.on('data', onData).on('close', onClose);
        socket.write(request);
      }
    });
  }

  async #first(socket: Socket): Promise<void> {
    socket.write(request);
    let text = '';
    while (!text.endsWith(body)) text += String((await once(socket, 'data'))[0]);
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(`the server answered ${text.slice(0, 100)}`);
    this.#length = text.length;
  }
}
