/**
 * For tests: the API over HTTP on a free port, with a real store and bus and an invoker that does not run code but
 * answers as the test says, by the same messages as the real one.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedBus } from '@ebbwhisk/invoker/bus/embedded.ts';
import { type Json, parseJson, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import {
  type Activation,
  type ActivationMessage,
  invokerInstance,
  parseActivationMessage,
  serialiseAck,
  serialiseActivationRecord,
  serialisePingMessage,
  topics,
} from '@ebbwhisk/invoker/protocol/messages.ts';
import { pino } from 'pino';
import { request } from 'undici';
import { createApi } from '../api/server.ts';
import { guest, Users, type UsersFile } from '../auth/users.ts';
import { Activator } from '../invoke/activator.ts';
import { type ControllerSettings, localSettings } from '../settings.ts';
import { openStore, type SqliteStore } from '../store/sqlite.ts';

export interface Behaviour {
  readonly statusCode?: 0 | 1 | 2 | 3;
  readonly result?: Json;
  readonly logs?: string[];
  /** Milliseconds until the result. */
  readonly runMs?: number;
  /** Milliseconds from the result until the record is stored; 'never': it is not. */
  readonly storeAfterMs?: number | 'never';
  /** 'shrunk': the ack carries only the id; 'none': no ack comes at all; 'lost': only the completion comes. */
  readonly ack?: 'full' | 'shrunk' | 'none' | 'lost';
}

export interface HarnessOptions {
  readonly settings?: Partial<ControllerSettings>;
  readonly users?: UsersFile;
  /** What an invocation does; the default echoes its arguments. */
  readonly behave?: (message: ActivationMessage) => Behaviour;
  /** False: no invoker reports itself. */
  readonly invoker?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: Json;
  readonly headers: Record<string, string | string[] | undefined>;
}

export interface CallOptions {
  readonly auth?: string | null;
  /** Sent as it is. */
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

export interface Harness {
  readonly url: string;
  readonly auth: string;
  readonly store: SqliteStore;
  readonly activator: Activator;
  /** Messages as they stood on the bus. */
  readonly messages: string[];
  /** `path` starts behind /api/v1 unless it starts with `//`, which stands for the root. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** PUT of a small JavaScript action. */
  create(name: string, fields?: { [key: string]: Json }): Promise<Answer>;
  close(): Promise<void>;
}

export const guestAuth = `${guest.uuid}:${guest.key}`;

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ebbwhisk-controller-'));
  const store = openStore(dataDir);
  const bus = createEmbeddedBus();
  const log = pino({ level: 'silent' });
  const activator = new Activator({ bus, activations: store.activations, log });
  await activator.start();
  const messages: string[] = [];
  const instance = invokerInstance(0, 2048);
  const behave = options.behave ?? (({ content = {} }): Behaviour => ({ result: content }));
  const tasks = new Set<Promise<void>>();

  const run = async (text: string) => {
    messages.push(text);
    const message = parseActivationMessage(text);
    const { statusCode = 0, result, logs = [], runMs = 0, storeAfterMs = 0, ack = 'full' } = behave(message);
    const start = Date.now();
    await sleep(runMs);
    const activation: Activation = {
      namespace: message.user.namespace.name,
      name: message.action.name,
      version: message.action.version ?? '0.0.1',
      subject: message.user.subject,
      activationId: message.activationId,
      start,
      end: Date.now(),
      duration: Date.now() - start,
      response: { statusCode, ...(result === undefined ? {} : { result, size: stringifyJson(result).length }) },
      logs: [],
      annotations: [
        { key: 'path', value: `${message.action.path}/${message.action.name}` },
        { key: 'kind', value: 'nodejs:24' },
      ],
      publish: false,
    };
    const { transid } = message;
    const completed = topics.completed(message.rootControllerIndex.asString);
    if (message.blocking && (ack === 'full' || ack === 'shrunk')) {
      const response = ack === 'shrunk' ? activation.activationId : activation;
      await bus.send(completed, serialiseAck({ kind: 'result', transid, response }));
    }
    if (storeAfterMs !== 'never') {
      await sleep(storeAfterMs);
      await store.activations.putActivation(serialiseActivationRecord({ ...activation, logs }, Date.now()));
    }
    if (ack === 'none') return;
    const { activationId } = activation;
    const completion = {
      kind: 'completion',
      transid,
      activationId,
      isSystemError: statusCode === 3,
      instance,
    } as const;
    await bus.send(completed, serialiseAck(completion));
  };

  if (options.invoker !== false) {
    await bus.consume(topics.invoker(0), 'invoker0', { maxInFlight: 64 }, (text) => {
      const task = run(text);
      tasks.add(task);
      return task.finally(() => tasks.delete(task));
    });
    await bus.send(topics.health, serialisePingMessage({ name: instance, isEnabled: true }));
    await activator.health.waitHealthy(1000);
  }

  const api = createApi({
    settings: { ...localSettings, ...options.settings },
    users: new Users(options.users),
    entities: store.entities,
    activations: store.activations,
    activator,
    build: { build: 'test', buildNumber: '1' },
    log,
  });
  await api.listen({ host: '127.0.0.1', port: 0 });
  const { port } = api.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  const call: Harness['call'] = async (method, path, { auth = guestAuth, body, headers = {} } = {}) => {
    const target = path.startsWith('//') ? `${url}${path.slice(1)}` : `${url}/api/v1${path}`;
    const {
      statusCode,
      headers: received,
      body: stream,
    } = await request(target, {
      method: method as 'GET',
      headers: {
        ...(auth === null ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body ?? null,
    });
    const text = await stream.text();
    const isJson = String(received['content-type']).startsWith('application/json');
    return { status: statusCode, text, json: isJson && text !== '' ? parseJson(text) : null, headers: received };
  };

  return {
    url,
    auth: guestAuth,
    store,
    activator,
    messages,
    call,
    create: (name, fields = {}) =>
      call('PUT', `/namespaces/_/actions/${encodeURIComponent(name)}`, {
        body: stringifyJson({ exec: { kind: 'nodejs:default', code: 'function main() { }' }, ...fields }),
      }),
    async close() {
      await activator.close(0);
      await api.close();
      await Promise.allSettled(tasks);
      await bus.close();
      store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The own field of a JSON object, for assertions on answers. */
export function field(value: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let current: unknown = value;
  for (const key of path) current = (current as Record<string | number, unknown> | undefined)?.[key];
  return current as Json | undefined;
}
