/** One VM driven as an invoker drives it: requests over its socket, logs from its records. */
import { Agent, request } from 'node:http';
import type { BootOptions, BootVm, LogRecord, Vm } from '@ebbwhisk/libos-node';

export const sentinel = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX';

export interface Reply {
  readonly status: number;
  readonly text: string;
  /** `text` as JSON; undefined when it is none. */
  readonly json: unknown;
}

export type SessionOptions = Partial<Pick<BootOptions, 'env' | 'memoryMb' | 'port'>>;

const defaultMemoryMb = 512;

export class Session {
  readonly vm: Vm;
  readonly records: LogRecord[] = [];
  readonly #agent = new Agent({ keepAlive: true });

  constructor(vm: Vm) {
    this.vm = vm;
    vm.onLog((record) => this.records.push(record));
  }

  send(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const options = {
        socketPath: this.vm.socketPath,
        agent: this.#agent,
        method,
        path,
        headers: { ...length, ...headers },
      };
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, text, json: parse(text) });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  post(path: string, body: unknown): Promise<Reply> {
    return this.send('POST', path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  /** /init with source text. */
  init(code: string, more: Readonly<Record<string, unknown>> = {}): Promise<Reply> {
    return this.post('/init', { value: { name: 'hello', main: 'main', code, binary: false, ...more } });
  }

  /** /init with an archive. */
  initArchive(archive: Buffer, main = 'main'): Promise<Reply> {
    return this.init(archive.toString('base64'), { binary: true, main });
  }

  run(value?: unknown, context: Readonly<Record<string, unknown>> = {}): Promise<Reply> {
    return this.post('/run', { value, ...context });
  }

  /** Everything that was written to a stream up to the last answer. */
  async log(stream: LogRecord['stream']): Promise<string> {
    await this.vm.flushLogs();
    return Buffer.concat(
      this.records.filter((record) => record.stream === stream).map(({ bytes }) => bytes),
    ).toString();
  }

  /** The lines of a stream without sentinels. */
  async lines(stream: LogRecord['stream']): Promise<string[]> {
    return (await this.log(stream)).split('\n').filter((line) => line !== '' && line !== sentinel);
  }

  async sentinels(stream: LogRecord['stream']): Promise<number> {
    return (await this.log(stream)).split('\n').filter((line) => line === sentinel).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.vm.end();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type OpenSession = (options?: SessionOptions) => Promise<Session>;

export function sessions(boot: BootVm, kind: string): OpenSession {
  return async (options = {}) => new Session(await boot({ kind, memoryMb: defaultMemoryMb, ...options }));
}
