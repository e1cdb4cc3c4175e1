/** A running invoker on an embedded bus with stores in memory, and the controller's side of the conversation. */

import { randomBytes } from 'node:crypto';
import type { BootVm } from '@ebbwhisk/libos-node';
import { pino } from 'pino';
import type { Bus } from '../bus/bus.ts';
import { createEmbeddedBus } from '../bus/embedded.ts';
import { type Invoker, type InvokerOptions, startInvoker } from '../invoker.ts';
import { type Json, parseJson, stringifyJson } from '../protocol/json.ts';
import {
  type Ack,
  type Activation,
  type ActivationMessage,
  type ActivationRecord,
  ackActivationId,
  checkActivationRecord,
  controllerInstance,
  makeTransid,
  parseAck,
  serialiseActivationMessage,
} from '../protocol/messages.ts';

export interface ActionParts {
  readonly name?: string;
  readonly revision?: string;
  readonly kind?: string;
  readonly code?: string;
  readonly limits?: { [key: string]: Json };
  readonly annotations?: Json[];
}

export interface Finished {
  readonly acks: Ack[];
  /** The activation of the result or combined ack. */
  readonly activation: Activation | undefined;
  readonly record: ActivationRecord;
}

export interface Fixture {
  readonly invoker: Invoker;
  readonly bus: Bus;
  readonly acks: readonly Ack[];
  /** Ack texts as they came over the bus. */
  readonly ackTexts: string[];
  readonly recordTexts: string[];
  putAction(parts?: ActionParts): void;
  message(parts?: Partial<ActivationMessage>): ActivationMessage;
  /** Sends a message and waits for its last ack and its record. */
  invoke(parts?: Partial<ActivationMessage>): Promise<Finished>;
  send(text: string): Promise<void>;
  close(): Promise<void>;
}

const kMaxWaitMs = 20_000;

export async function startFixture(
  boot: BootVm,
  options: Partial<InvokerOptions> & { readonly maxMessageBytes?: number } = {},
): Promise<Fixture> {
  const { maxMessageBytes, ...invokerOptions } = options;
  const bus = createEmbeddedBus(maxMessageBytes === undefined ? {} : { maxMessageBytes });
  const actions = new Map<string, string>();
  const ackTexts: string[] = [];
  const recordTexts: string[] = [];
  const acks: Ack[] = [];
  const records = new Map<string, ActivationRecord>();
  const waiters = new Set<() => void>();
  const wake = () => {
    for (const waiter of waiters) waiter();
  };
  await bus.consume('completed0', 'completed0', { maxInFlight: 1 }, (text) => {
    ackTexts.push(text);
    acks.push(parseAck(text));
    wake();
    return Promise.resolve();
  });
  const invoker = await startInvoker({
    bus,
    actions: { getAction: (id) => Promise.resolve(actions.get(id)) },
    activations: {
      putActivation: (text) => {
        recordTexts.push(text);
        const record = checkActivationRecord(parseJson(text));
        records.set(record.activationId, record);
        wake();
        return Promise.resolve();
      },
    },
    instance: 0,
    memoryMb: 1024,
    boot,
    apiHost: 'http://10.0.2.2:3233',
    log: pino({ level: 'silent' }),
    ...invokerOptions,
  });

  const fixture: Fixture = {
    invoker,
    bus,
    acks,
    ackTexts,
    recordTexts,
    putAction({ name = 'hello', revision = '1-a', kind = 'nodejs:24', code = '', limits = {}, annotations = [] } = {}) {
      actions.set(
        `guest/${name}`,
        stringifyJson({
          _id: `guest/${name}`,
          _rev: revision,
          entityType: 'action',
          namespace: 'guest',
          name,
          version: '0.0.1',
          publish: false,
          updated: 1,
          exec: { kind, code, binary: false },
          parameters: [],
          annotations,
          limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1, ...limits },
        }),
      );
    },
    message: (parts = {}) => ({
      transid: makeTransid('tid', Date.now()),
      action: { path: 'guest', name: 'hello', version: '0.0.1' },
      revision: '1-a',
      user: {
        subject: 'guest',
        namespace: { name: 'guest', uuid: 'uuid' },
        authkey: { api_key: 'uuid:key' },
        rights: ['ACTIVATE'],
        limits: {},
      },
      activationId: randomBytes(16).toString('hex'),
      rootControllerIndex: controllerInstance('0'),
      blocking: true,
      content: {},
      ...parts,
    }),
    async invoke(parts = {}) {
      const message = fixture.message(parts);
      const { activationId } = message;
      await bus.send('invoker0', serialiseActivationMessage(message));
      const mine = () => acks.filter((ack) => ackActivationId(ack) === activationId);
      const record = await new Promise<ActivationRecord>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(check);
          reject(new Error(`no end of ${activationId}: ${mine().length} acks, record ${records.has(activationId)}`));
        }, kMaxWaitMs);
        const check = () => {
          const found = records.get(activationId);
          if (found === undefined || !mine().some((ack) => ack.kind !== 'result')) return;
          clearTimeout(timer);
          waiters.delete(check);
          resolve(found);
        };
        waiters.add(check);
        check();
      });
      const responses = mine().flatMap((ack) => (ack.kind === 'completion' ? [] : [ack.response]));
      const activation = responses.find((response) => typeof response !== 'string');
      return { acks: mine(), activation, record };
    },
    send: (text) => bus.send('invoker0', text),
    async close() {
      await invoker.close();
      await bus.close();
    },
  };
  return fixture;
}

export async function until(condition: () => boolean, what: string, ms = 5_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
