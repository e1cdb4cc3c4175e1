import { type Json, parseJson, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  type Behaviour,
  field,
  type Harness,
  type HarnessOptions,
  startHarness,
} from '../testing/harness.ts';

const open: Harness[] = [];
async function start(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await startHarness(options);
  open.push(harness);
  await harness.create('hello', {
    parameters: [
      { key: 'a', value: 'action' },
      { key: 'b', value: 'kept' },
    ],
  });
  return harness;
}
afterEach(async () => {
  for (const harness of open.splice(0)) await harness.close();
});

const hello = '/namespaces/_/actions/hello';
const error = ({ status, json }: Answer) => [status, field(json, 'error')];

function post(harness: Harness, query = '', body: Json | string = {}): Promise<Answer> {
  return harness.call('POST', `${hello}${query}`, { body: typeof body === 'string' ? body : stringifyJson(body) });
}

describe('the message', () => {
  it('is as a stock controller writes it', async () => {
    const harness = await start();
    const revision = (await harness.store.entities.readAction('guest/hello'))?.revision;
    const answer = await harness.call('POST', `${hello}?blocking=true`, {
      body: '{"a":"payload"}',
      headers: { 'x-request-id': 'tid-1' },
    });
    const [text = ''] = harness.messages;
    const message = parseJson(text);
    expect(message).toEqual({
      transid: ['tid-1', expect.any(Number)],
      action: { path: 'guest', name: 'hello', version: '0.0.1' },
      revision,
      user: {
        subject: 'guest',
        namespace: { name: 'guest', uuid: '23bc46b1-71f6-4ed5-8c54-816aa4f8c502' },
        authkey: { api_key: harness.auth },
        rights: ['READ', 'PUT', 'DELETE', 'ACTIVATE'],
        limits: {},
      },
      activationId: answer.headers['x-openwhisk-activation-id'],
      rootControllerIndex: { asString: '0', instanceType: 'controller' },
      blocking: true,
      content: { a: 'payload', b: 'kept' },
      initArgs: [],
      lockedArgs: {},
    });
    expect(Math.abs(Number(field(message, 'transid', 1)) - Date.now())).toBeLessThan(10_000);
  });

  it('names parameters for init, and locked ones that are not overridden', async () => {
    const harness = await start();
    await harness.create('params', {
      parameters: [
        { key: 'SECRET', value: 's', init: true },
        { key: 'l1', value: 'x', init: false, encryption: 'aes-128' },
        { key: 'l2', value: 'y', init: true, encryption: 'aes-256' },
      ],
    });
    await harness.call('POST', '/namespaces/guest/actions/params', { body: '{"l1":"clear"}' });
    const message = parseJson(harness.messages[0] ?? '');
    expect(field(message, 'initArgs')).toEqual(['SECRET', 'l2']);
    expect(field(message, 'lockedArgs')).toEqual({ l2: 'aes-256' });
    expect(field(message, 'content')).toEqual({ SECRET: 's', l1: 'clear', l2: 'y' });
    expect(field(message, 'blocking')).toBe(false);
  });

  it('keeps the spelling of numbers, and __proto__ as a mere key', async () => {
    const harness = await start();
    const body = '{"n":12345678901234567890,"f":1.0,"__proto__":{"x":1e400}}';
    const answer = await post(harness, '?blocking=true&result=true', body);
    expect(harness.messages[0]).toContain(`"content":{"a":"action","b":"kept",${body.slice(1)}`);
    expect(answer.text).toBe(`{"a":"action","b":"kept",${body.slice(1)}`);
    const id = answer.headers['x-openwhisk-activation-id'];
    expect((await harness.call('GET', `/namespaces/_/activations/${id}`)).text).toContain(body.slice(1, -1));
    expect((await harness.call('GET', '/namespaces/_/activations?docs=true')).text).toContain(body.slice(1, -1));
  });
});

describe('answers', () => {
  const cases: [string, Behaviour, number, string, boolean][] = [
    ['success', { result: { x: 1 } }, 200, 'success', true],
    ['application error', { statusCode: 1, result: { error: 'e' } }, 502, 'application error', false],
    ['developer error', { statusCode: 2, result: { error: 'e' } }, 502, 'action developer error', false],
    ['whisk error', { statusCode: 3, result: { error: 'e' } }, 500, 'whisk internal error', false],
  ];
  it.each(cases)('%s, blocking', async (_, behaviour, status, text, success) => {
    const harness = await start({ behave: () => behaviour });
    const full = await post(harness, '?blocking=true');
    expect(full.status).toBe(status);
    expect(field(full.json, 'response')).toEqual({
      result: behaviour.result,
      size: stringifyJson(behaviour.result).length,
      status: text,
      success,
    });
    expect(field(full.json, 'activationId')).toBe(full.headers['x-openwhisk-activation-id']);
    expect(field(full.json, 'logs')).toEqual([]);
    expect(field(full.json, '_id')).toBeUndefined();
    const result = await post(harness, '?blocking=true&result=true');
    expect([result.status, result.json]).toEqual([status, behaviour.result]);
    expect(result.headers['x-openwhisk-activation-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('an array as it is, whatever was asked for', async () => {
    const harness = await start({ behave: () => ({ result: [1, { a: 2 }] }) });
    expect((await post(harness, '?blocking=true')).json).toEqual([1, { a: 2 }]);
  });

  it('202 with the id at once when not blocking', async () => {
    const harness = await start({ behave: () => ({ runMs: 200, result: {} }) });
    const { status, json, headers } = await post(harness, '?result=true');
    expect([status, json]).toEqual([202, { activationId: headers['x-openwhisk-activation-id'] }]);
    expect(harness.activator.inFlight.size).toBe(1);
  });

  it('takes no body for no arguments', async () => {
    const harness = await start();
    const { status, json } = await harness.call('POST', `${hello}?blocking=true&result=true`);
    expect([status, json]).toEqual([200, { a: 'action', b: 'kept' }]);
  });
});

describe('waiting', () => {
  it('ends after the time that was asked for, with 202', async () => {
    const harness = await start({ behave: () => ({ runMs: 1000, result: {} }) });
    const before = Date.now();
    const { status, json, headers } = await post(harness, '?blocking=true&timeout=100');
    expect([status, json]).toEqual([202, { activationId: headers['x-openwhisk-activation-id'] }]);
    expect(Date.now() - before).toBeGreaterThanOrEqual(95);
    expect(Date.now() - before).toBeLessThan(900);
  });

  it.each(['0', '-1', '60001', '1.5', 'soon'])('refuses timeout=%s', async (timeout) => {
    const harness = await start();
    expect(error(await post(harness, `?blocking=true&timeout=${timeout}`))).toEqual([
      400,
      "The query parameter 'timeout' was malformed:\nTimeout must be number of milliseconds up to 60000.",
    ]);
  });

  it('reads the store when the ack carries only the id', async () => {
    const harness = await start({
      behave: () => ({ ack: 'shrunk', storeAfterMs: 120, logs: ['a line'], result: { big: true } }),
    });
    const { status, json } = await post(harness, '?blocking=true');
    expect(status).toBe(200);
    expect(field(json, 'response', 'result')).toEqual({ big: true });
    expect(field(json, 'logs')).toEqual([]);
  });

  it('reads the store when only the completion arrives', async () => {
    const harness = await start({ behave: () => ({ ack: 'lost', result: { found: true } }) });
    const before = Date.now();
    expect((await post(harness, '?blocking=true&result=true')).json).toEqual({ found: true });
    // Without the completion as a hint it would be the slow look after 15 s.
    expect(Date.now() - before).toBeLessThan(5000);
  });

  it('gives 202 when an id-only ack is followed by no record', async () => {
    const harness = await start({ behave: () => ({ ack: 'shrunk', storeAfterMs: 'never' }) });
    expect((await post(harness, '?blocking=true&timeout=300')).status).toBe(202);
  });

  it('ends with 202 when the controller ends', async () => {
    const harness = await start({ behave: () => ({ runMs: 500, result: {} }) });
    const answer = post(harness, '?blocking=true');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await harness.activator.close(0);
    expect((await answer).status).toBe(202);
  });
});

describe('refusals', () => {
  it('404 for an action that is not there', async () => {
    const harness = await start();
    const answer = await harness.call('POST', '/namespaces/_/actions/missing?blocking=true');
    expect(error(answer)).toEqual([404, 'The requested resource does not exist.']);
    expect(answer.headers['x-openwhisk-activation-id']).toBeUndefined();
  });

  it('400 for arguments that are no object', async () => {
    const harness = await start();
    for (const body of ['[]', '1', '"a"', '1.0']) {
      expect(error(await post(harness, '', body))).toEqual([
        400,
        'The request content was malformed:\nJSON object expected',
      ]);
    }
  });

  it('413 for more than 1 MB of arguments, announced or chunked', async () => {
    const harness = await start();
    const kMb = 1024 * 1024;
    const body = (bytes: number) => `{"x":"${'x'.repeat(bytes - 8)}"}`;
    const over = [413, `Request larger than allowed: ${kMb + 1} > ${kMb} bytes.`];
    expect(error(await post(harness, '', body(kMb + 1)))).toEqual(over);
    const chunked = await fetch(`${harness.url}/api/v1${hello}`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(harness.auth).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: new Blob([body(kMb + 1)]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect([chunked.status, field((await chunked.json()) as Json, 'error')]).toEqual(over);
    expect((await post(harness, '?blocking=true', body(kMb - 100))).status).toBe(200);
  });

  it('413 when the merged message is too large for the bus', async () => {
    const harness = await start();
    await harness.create('heavy', { parameters: [{ key: 'p', value: 'x'.repeat(600_000) }] });
    const answer = await harness.call('POST', '/namespaces/_/actions/heavy', {
      body: stringifyJson({ q: 'y'.repeat(600_000) }),
    });
    expect(answer.status).toBe(413);
    expect(harness.activator.inFlight.size).toBe(0);
  });

  it('503 while no invoker reports itself', async () => {
    const harness = await start({ invoker: false });
    expect(error(await post(harness, '?blocking=true'))).toEqual([
      503,
      'The server is currently unavailable (because it is overloaded or down for maintenance).',
    ]);
  });

  it('400 for arguments that override final parameters', async () => {
    const harness = await start();
    await harness.create('final', {
      annotations: [{ key: 'final', value: true }],
      parameters: [
        { key: 'set', value: 1 },
        { key: 'unset', value: null },
      ],
    });
    const invoke = (body: Json) =>
      harness.call('POST', '/namespaces/_/actions/final?blocking=true&result=true', { body: stringifyJson(body) });
    expect(error(await invoke({ set: 2 }))).toEqual([
      400,
      'Request defines parameters that are not allowed (e.g., reserved properties).',
    ]);
    expect((await invoke({ unset: 2, other: 3 })).json).toEqual({ set: 1, unset: 2, other: 3 });
  });

  it('501 for a conductor', async () => {
    const harness = await start();
    await harness.create('conductor', { annotations: [{ key: 'conductor', value: true }] });
    const answer = await harness.call('POST', '/namespaces/_/actions/conductor');
    expect(error(answer)).toEqual([501, 'Conductor actions are not supported yet.']);
  });
});

describe('throttles', () => {
  it('are off by default', async () => {
    const harness = await start();
    for (let turn = 0; turn < 100; turn += 1) expect((await post(harness)).status).toBe(202);
  });

  it('count invocations per minute', async () => {
    const harness = await start({
      settings: { throttles: { invocationsPerMinute: 3, concurrentInvocations: 100, firesPerMinute: 1 } },
    });
    // At most one window boundary can fall into this loop.
    const statuses: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) statuses.push((await post(harness, '?blocking=true')).status);
    expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
    expect(statuses).toContain(429);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(6);
  });

  it('count what is in flight', async () => {
    const harness = await start({
      settings: { throttles: { invocationsPerMinute: 100, concurrentInvocations: 2, firesPerMinute: 1 } },
      behave: () => ({ runMs: 150, result: {} }),
    });
    await post(harness);
    await post(harness);
    expect(error(await post(harness))).toEqual([429, 'Too many concurrent requests in flight (count: 2, allowed: 2).']);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(harness.activator.inFlight.size).toBe(0);
    expect((await post(harness)).status).toBe(202);
  });
});

describe('many at once', () => {
  it('each get their own result and leave nothing in flight', async () => {
    const harness = await start({ behave: ({ content }) => ({ result: content ?? {}, runMs: Math.random() * 20 }) });
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => post(harness, '?blocking=true&result=true', { n })),
    );
    expect(answers.map(({ json }) => field(json, 'n'))).toEqual(Array.from({ length: 200 }, (_, n) => n));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(harness.activator.inFlight.size).toBe(0);
  });
});
