/** The few calls of the OpenWhisk API that a measurement makes, over kept-alive connections. */

import { Pool } from 'undici';
import type { StartKind } from '../tally.ts';

/** What the record of a finished activation says. */
export interface Activation {
  readonly id: string;
  /** Of the HTTP answer: 200, or 502 for an activation that did not succeed. */
  readonly status: number;
  readonly response: { readonly success: boolean; readonly status: string; readonly result: unknown };
  readonly start: StartKind;
}

const kTimeoutMs = 90_000;

interface ActivationBody {
  readonly activationId?: string;
  readonly response?: { readonly success?: boolean; readonly status?: string; readonly result?: unknown };
  readonly annotations?: readonly { readonly key: string; readonly value: unknown }[];
}

export interface ActionLimits {
  /** MB. */
  readonly memory?: number;
  /** Milliseconds. */
  readonly timeout?: number;
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
    this.#base = `${pathname.replace(/\/$/, '')}/api/v1/namespaces/_/`;
    this.#headers = {
      authorization: `Basic ${Buffer.from(auth).toString('base64')}`,
      'content-type': 'application/json',
    };
  }

  async createAction(name: string, kind: string, code: string, limits: ActionLimits): Promise<void> {
    await this.#call('PUT', `actions/${name}`, { exec: { kind, code }, limits }, [200]);
  }

  async deleteAction(name: string): Promise<void> {
    await this.#call('DELETE', `actions/${name}`, undefined, [200, 404]);
  }

  /** A blocking invocation that ended, well or not. Rejects when it did not come back in time or was refused. */
  async activate(name: string, args: object): Promise<Activation> {
    const { status, text } = await this.#call('POST', `actions/${name}?blocking=true`, args, [200, 502]);
    const { activationId, response, annotations = [] } = JSON.parse(text) as ActivationBody;
    if (response === undefined || activationId === undefined)
      throw new Error(`POST answered ${status}: ${text.slice(0, 300)}`);
    const has = (key: string) => annotations.some((each) => each.key === key);
    const start = annotations.find((each) => each.key === 'ebbStart')?.value;
    return {
      id: activationId,
      status,
      response: { success: response.success === true, status: response.status ?? '', result: response.result },
      start: has('initTime') ? 'cold' : start === 'warm' ? 'warm' : 'hot',
    };
  }

  /** A blocking invocation. Rejects unless it came back in time and succeeded. */
  async invoke(name: string, args: object): Promise<Activation> {
    const activation = await this.activate(name, args);
    const { success, result } = activation.response;
    if (!success) throw new Error(`failed: ${JSON.stringify(result)?.slice(0, 300)}`);
    return activation;
  }

  /** Lines of a record, each with its time and stream: `2026-01-31T12:00:00.000Z stdout: text`. */
  async logs(activationId: string): Promise<readonly string[]> {
    const { text } = await this.#call('GET', `activations/${activationId}/logs`, undefined, [200, 404]);
    return (JSON.parse(text) as { logs?: readonly string[] }).logs ?? [];
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body: object | undefined, good: number[]) {
    const { statusCode, body: answer } = await this.#pool.request({
      method,
      path: this.#base + path,
      headers: this.#headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!good.includes(statusCode)) throw new Error(`${method} answered ${statusCode}: ${text.slice(0, 300)}`);
    return { status: statusCode, text };
  }
}
