/**
 * The stock way of OpenWhisk: one container of the action runtime per action, /init and /run over its port 8080. Started with the
 * flags of the stock invoker.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmClient } from '@ebbwhisk/invoker/container/vm-client.ts';
import { LoadError } from '../errors.ts';
import type { MeasuredFunction } from '../functions.ts';
import { postInit, postRun, type Runnable } from '../vm/contract.ts';
import { type Engine, lastLine, runEngine } from './engine.ts';

export interface ContainerSettings {
  readonly engine: Engine;
  readonly image: string;
  readonly memoryMb: number;
  readonly signal: AbortSignal;
}

const kStartMs = 60_000;
const kEndMs = 60_000;
const kListenMs = 30_000;
const kPauseMs = 5;

export class Container implements Runnable {
  readonly start = 'cold';
  readonly #engine: Engine;
  readonly #name: string;
  readonly #client: VmClient;

  private constructor(engine: Engine, name: string, origin: string) {
    this.#engine = engine;
    this.#name = name;
    this.#client = new VmClient(origin, 1);
  }

  /** Resolves when the container runs; whether its server listens is found out by init(). */
  static async start({ engine, image, memoryMb, signal }: ContainerSettings): Promise<Container> {
    const name = `ebbwhisk-loadgen-${randomUUID()}`;
    try {
      await runEngine(engine, runArguments(name, image, memoryMb), kStartMs, signal);
      const address = addressIn(await runEngine(engine, ['port', name, '8080/tcp'], kStartMs, signal));
      if (address === undefined) throw new Error('its port is not shown');
      return new Container(engine, name, `http://${address}`);
    } catch (error) {
      await remove(engine, name);
      signal.throwIfAborted();
      throw new LoadError('CONTAINER_FAILED', lastLine(error), { cause: error });
    }
  }

  /** Again and again until the server listens, as the stock invoker does. */
  async init(measured: MeasuredFunction): Promise<void> {
    for (const end = performance.now() + kListenMs; ; ) {
      try {
        return await postInit(this.#client, measured);
      } catch (error) {
        // An answer, right or wrong, is final: only a connection that was not made or broke is made again.
        if (!isLost(error) || performance.now() > end) throw error;
        await sleep(kPauseMs);
      }
    }
  }

  run(measured: MeasuredFunction, n: number): Promise<void> {
    return postRun(this.#client, measured, n);
  }

  async end(): Promise<void> {
    await this.#client.close();
    await remove(this.#engine, this.#name);
  }
}

export function runArguments(name: string, image: string, memoryMb: number): readonly string[] {
  return [
    'run',
    '--detach',
    ...['--name', name],
    ...['--memory', `${memoryMb}m`, '--memory-swap', `${memoryMb}m`],
    ...['--network', 'bridge', '--publish', '127.0.0.1::8080'],
    ...['--cap-drop', 'NET_RAW', '--cap-drop', 'NET_ADMIN'],
    ...['--ulimit', 'nofile=1024:1024', '--pids-limit', '1024'],
    image,
  ];
}

/** Of `port`: one line per address, `127.0.0.1:49153`. */
export function addressIn(text: string): string | undefined {
  return /^127\.0\.0\.1:\d{1,5}$/m.exec(text)?.[0];
}

function isLost(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^(ECONNREFUSED|ECONNRESET|EPIPE|UND_ERR_SOCKET)$/.test(code);
}

/** Its failure must not hide another. */
async function remove(engine: Engine, name: string): Promise<void> {
  await runEngine(engine, ['rm', '--force', name], kEndMs).catch(() => {});
}
