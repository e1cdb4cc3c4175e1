/** The REST API as a client with nothing but HTTP sees it: bodies are sent and kept as text, so that a test can look at spellings. */
import { guest } from '@ebbwhisk/controller-adapter/auth/users.ts';
import { Agent, request } from 'undici';

export const guestAuth = `${guest.uuid}:${guest.key}`;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** `text` as JSON; undefined when it is none. */
  readonly json: unknown;
}

/** An activation as the API shows it. */
export interface ActivationRecord {
  readonly activationId: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly subject: string;
  readonly start: number;
  readonly end: number;
  readonly duration: number;
  readonly publish: boolean;
  readonly response: {
    readonly status: string;
    readonly success: boolean;
    readonly result: Readonly<Record<string, unknown>>;
    readonly size?: number;
  };
  readonly logs: readonly string[];
  readonly annotations: readonly { readonly key: string; readonly value: unknown }[];
}

export interface ActionFields {
  readonly parameters?: readonly { readonly key: string; readonly value: unknown }[];
  readonly annotations?: readonly { readonly key: string; readonly value: unknown }[];
  readonly limits?: {
    readonly timeout?: number;
    readonly memory?: number;
    readonly logs?: number;
    readonly concurrency?: number;
  };
  readonly main?: string;
}

export const kind = 'nodejs:24';

/** The invoker stores the record after the answer: this long it may take. */
const recordMs = 10_000;

export class ApiClient {
  readonly url: string;
  // Longer than the longest blocking invocation.
  readonly #agent = new Agent({ headersTimeout: 90_000, bodyTimeout: 90_000 });

  constructor(url: string) {
    this.url = url;
  }

  /** `path` is relative to the caller's namespace. */
  async call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: string): Promise<Answer> {
    const response = await request(`${this.url}/api/v1/namespaces/_/${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Basic ${Buffer.from(guestAuth).toString('base64')}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, text, json: parse(text) };
  }

  /** Creates or updates an action from source text or, when given bytes, from an archive. */
  async putAction(name: string, code: string | Buffer, fields: ActionFields = {}): Promise<Answer> {
    const { main, ...rest } = fields;
    const binary = typeof code !== 'string';
    const exec = {
      kind,
      code: binary ? code.toString('base64') : code,
      binary,
      ...(main === undefined ? {} : { main }),
    };
    const answer = await this.call('PUT', `actions/${name}?overwrite=true`, JSON.stringify({ exec, ...rest }));
    if (answer.status !== 200) throw new Error(`the action was not taken: ${answer.status} ${answer.text}`);
    return answer;
  }

  /** A blocking invocation whose whole activation is answered. */
  async invoke(name: string, parameters: unknown = {}): Promise<Answer & { readonly activation: ActivationRecord }> {
    const answer = await this.call('POST', `actions/${name}?blocking=true`, JSON.stringify(parameters));
    const activation = answer.json as ActivationRecord;
    if (typeof activation?.response !== 'object') throw new Error(`no activation: ${answer.status} ${answer.text}`);
    return { ...answer, activation };
  }

  /** The stored record with its logs. */
  async record(activationId: string): Promise<ActivationRecord> {
    for (const end = Date.now() + recordMs; ; ) {
      const { status, json } = await this.call('GET', `activations/${activationId}`);
      if (status === 200) return json as ActivationRecord;
      if (Date.now() > end) throw new Error(`no record of ${activationId}: ${status}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

export function annotation(record: ActivationRecord, key: string): unknown {
  return record.annotations.find((entry) => entry.key === key)?.value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
