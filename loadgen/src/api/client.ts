/** The few calls of the OpenWhisk API that a measurement makes, over kept-alive connections. */

import { Pool } from 'undici';
import type { StartKind } from '../runner.ts';

export interface Invocation {
  readonly result: unknown;
  readonly start: StartKind;
}

const kTimeoutMs = 90_000;

interface ActivationBody {
  readonly response?: { readonly success?: boolean; readonly result?: unknown };
  readonly annotations?: readonly { readonly key: string; readonly value: unknown }[];
}

export class ApiClient {
  readonly #pool: Pool;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, auth: string, connections: number) {
    const { origin, pathname } = new URL(url);
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      headersTimeout: kTimeoutMs,
      bodyTimeout: kTimeoutMs,
      keepAliveTimeout: 60_000,
    });
    this.#base = `${pathname.replace(/\/$/, '')}/api/v1/namespaces/_/actions/`;
    this.#headers = {
      authorization: `Basic ${Buffer.from(auth).toString('base64')}`,
      'content-type': 'application/json',
    };
  }

  async createAction(name: string, kind: string, code: string, memoryMb: number): Promise<void> {
    const body = { exec: { kind, code }, limits: { memory: memoryMb } };
    await this.#call('PUT', name, body, [200]);
  }

  async deleteAction(name: string): Promise<void> {
    await this.#call('DELETE', name, undefined, [200, 404]);
  }

  /** A blocking invocation. Rejects unless it came back in time and succeeded. */
  async invoke(name: string, args: object): Promise<Invocation> {
    const text = await this.#call('POST', `${name}?blocking=true`, args, [200]);
    const { response, annotations = [] } = JSON.parse(text) as ActivationBody;
    if (response?.success !== true) throw new Error(`failed: ${JSON.stringify(response?.result)?.slice(0, 300)}`);
    const has = (key: string) => annotations.some((each) => each.key === key);
    const start = annotations.find((each) => each.key === 'ebbStart')?.value;
    return { result: response.result, start: has('initTime') ? 'cold' : start === 'warm' ? 'warm' : 'hot' };
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #call(method: 'PUT' | 'POST' | 'DELETE', path: string, body: object | undefined, good: number[]) {
    const { statusCode, body: answer } = await this.#pool.request({
      method,
      path: this.#base + path,
      headers: this.#headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!good.includes(statusCode)) throw new Error(`${method} answered ${statusCode}: ${text.slice(0, 300)}`);
    return text;
  }
}
