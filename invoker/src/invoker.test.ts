import type { VmCost } from '@ebbwhisk/libos-node';
import { afterEach, describe, expect, test } from 'vitest';
import { stringifyJson } from './protocol/json.ts';
import { annotation } from './protocol/messages.ts';
import { answer, type FakeGuest, type FakeHost, fakeHost } from './testing/fake-vm.ts';
import { type Fixture, startFixture, until } from './testing/fixture.ts';

let host: FakeHost;
let fixture: Fixture;

async function start(guest: FakeGuest = {}, options: Parameters<typeof startFixture>[1] = {}): Promise<void> {
  host = fakeHost(guest);
  fixture = await startFixture(host.boot, options);
}

afterEach(async () => {
  await fixture.close();
  expect(host.alive()).toEqual([]);
});

describe('a first activation', () => {
  test('initialises a VM, runs, and is reported with result, then completion, then record', async () => {
    await start({ onRequest: ({ vm, path }) => vm.write('stdout', `${path}\n`, 1_700_000_000_100) });
    fixture.putAction({ code: 'function main() {}' });
    const { acks, activation, record } = await fixture.invoke({ content: { a: 1 } });

    expect(acks.map((ack) => ack.kind)).toEqual(['result', 'completion']);
    expect(activation?.response).toEqual({ statusCode: 0, result: { a: 1 }, size: 7 });
    expect(activation?.logs).toEqual([]);
    expect(record.logs).toEqual([
      '2023-11-14T22:13:20.100Z       stdout: /init',
      '2023-11-14T22:13:20.100Z       stdout: /run',
    ]);
    expect(record._id).toBe(`guest/${record.activationId}`);
    expect(record.entityType).toBe('activation');
    expect(record.duration).toBe(record.end - record.start);
    expect(record.annotations.map((each) => each.key)).toEqual([
      'limits',
      'path',
      'kind',
      'timeout',
      'initTime',
      'waitTime',
      'ebbStart',
      'ebbPhases',
      'ebbCost',
    ]);
    expect(annotation(record.annotations, 'ebbCost')).toEqual({ faults: 500, exits: 5 });
    expect(annotation(activation?.annotations ?? [], 'ebbCost')).toBeUndefined();
    expect(annotation(record.annotations, 'limits')).toEqual({ concurrency: 1, logs: 10, memory: 256, timeout: 60000 });
    expect(annotation(record.annotations, 'path')).toBe('guest/hello');
    expect(annotation(record.annotations, 'kind')).toBe('nodejs:24');
    expect(annotation(record.annotations, 'timeout')).toBe(false);
    expect(annotation(record.annotations, 'ebbStart')).toBe('cold');
    const phases = JSON.parse(stringifyJson(annotation(record.annotations, 'ebbPhases') ?? null)) as Record<
      string,
      number
    >;
    expect(Object.keys(phases)).toEqual(['queue', 'clone', 'init', 'run']);
    for (const ms of Object.values(phases)) expect(ms).toBeGreaterThanOrEqual(0);
  });

  test('is answered, and its slot free, before it is known what the start cost; a hot start is not asked', async () => {
    const { promise, resolve } = Promise.withResolvers<VmCost>();
    let asked = 0;
    const cost = () => {
      asked += 1;
      return promise;
    };
    await start({ cost });
    fixture.putAction();
    const invoked = fixture.invoke();
    await until(() => fixture.acks.length === 2, 'both acks');
    expect([asked, fixture.recordTexts.length]).toEqual([1, 0]);
    resolve({ faults: 400 });
    expect(annotation((await invoked).record.annotations, 'ebbCost')).toEqual({ faults: 400 });
    expect(annotation((await fixture.invoke()).record.annotations, 'ebbCost')).toBeUndefined();
    expect(asked).toBe(1);
    const metrics = await fixture.invoker.metrics();
    expect(metrics).toContain('start_faults_sum{start="cold"} 400');
    expect(metrics).toContain('start_faults_count{start="cold"} 1');
    expect(metrics).not.toContain('start_exits_sum{');
  });

  test('has its record when the VM does not tell its cost', async () => {
    await start({ cost: () => new Promise(() => {}) });
    fixture.putAction({ limits: { logs: 0 } });
    expect(annotation((await fixture.invoke()).record.annotations, 'ebbCost')).toBeUndefined();
  });

  test('gives /init and /run the context of the contract', async () => {
    await start();
    fixture.putAction({ code: 'code' });
    const message = fixture.message({ content: { plain: 'p', secret: 's' }, initArgs: ['secret'] });
    const before = Date.now();
    await fixture.invoke(message);
    const [vm] = host.vms;
    const [init, run] = (vm?.requests ?? []).map(({ body }) => JSON.parse(body));
    const deadline = Number(run.deadline);
    expect(deadline).toBeGreaterThanOrEqual(before + 60_000);
    expect(init).toEqual({
      value: {
        name: 'hello',
        main: 'main',
        code: 'code',
        binary: false,
        env: {
          secret: 's',
          __OW_API_HOST: 'http://10.0.2.2:3233',
          __OW_API_KEY: 'uuid:key',
          __OW_NAMESPACE: 'guest',
          __OW_ACTION_NAME: '/guest/hello',
          __OW_ACTION_VERSION: '0.0.1',
          __OW_ACTIVATION_ID: message.activationId,
          __OW_TRANSACTION_ID: 'tid',
          __OW_DEADLINE: expect.stringMatching(/^\d+$/),
        },
      },
    });
    expect(run).toEqual({
      value: { plain: 'p' },
      namespace: 'guest',
      action_name: '/guest/hello',
      action_version: '0.0.1',
      activation_id: message.activationId,
      transaction_id: 'tid',
      deadline: expect.stringMatching(/^\d+$/),
      api_key: 'uuid:key',
    });
    // Else VMs of different actions could not be clones of one template.
    expect(vm?.options.env).toBeUndefined();
    expect(vm?.options.memoryMb).toBe(256);
  });

  test('keeps the API key from an action that does not want it', async () => {
    await start();
    fixture.putAction({ annotations: [{ key: 'provide-api-key', value: false }] });
    await fixture.invoke();
    for (const { body } of host.vms[0]?.requests ?? []) expect(body).not.toContain('uuid:key');
  });
});

describe('acks', () => {
  test('echo the transid exactly as it came', async () => {
    await start();
    fixture.putAction();
    await fixture.invoke({ transid: ['sid_invokerHealth', 1700000000000, true, ['parent', 5]], blocking: false });
    expect(fixture.ackTexts).toHaveLength(1);
    expect(fixture.ackTexts[0]).toContain('"transid":["sid_invokerHealth",1700000000000,true,["parent",5]]');
  });

  test('are one completion without a result when nobody waits', async () => {
    await start();
    fixture.putAction();
    const { acks } = await fixture.invoke({ blocking: false });
    expect(acks).toEqual([expect.objectContaining({ kind: 'completion', isSystemError: false })]);
  });

  test('are combined when there are no logs to collect', async () => {
    await start({ onRequest: ({ vm }) => vm.write('stdout', 'unseen\n') });
    fixture.putAction({ limits: { logs: 0 } });
    const { acks, record } = await fixture.invoke();
    expect(acks.map((ack) => ack.kind)).toEqual(['combined']);
    expect(record.logs).toEqual([]);
    expect((await fixture.invoke({ blocking: false })).acks.map((ack) => ack.kind)).toEqual(['completion']);
  });

  test('shrink to the activation id when the bus finds them too large', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(20_000) });
    await start(
      { onRequest: ({ path, response }) => (path === '/run' ? answer(response, 200, body) : undefined) },
      { maxMessageBytes: 20_000 },
    );
    fixture.putAction();
    const { acks, record } = await fixture.invoke();
    expect(acks[0]).toEqual({ kind: 'result', transid: expect.anything(), response: record.activationId });
    expect(record.response.size).toBe(body.length);
  });

  test('come even for a message that cannot be read, when it says whom to tell', async () => {
    await start();
    const { activationId } = fixture.message();
    await fixture.send(
      `{"transid":["t",1],"activationId":"${activationId}","rootControllerIndex":{"asString":"0"},"blocking":7}`,
    );
    await until(() => fixture.ackTexts.length > 0, 'ack');
    expect(JSON.parse(fixture.ackTexts[0] ?? '')).toMatchObject({ response: activationId, isSystemError: true });
    await fixture.send('{nonsense');
    fixture.putAction();
    await fixture.invoke();
  });

  test('carry numbers as they were written, from argument to record', async () => {
    await start({
      onRequest: ({ path, body, response }) => {
        if (path === '/run') answer(response, 200, /"value":(\{.*\})\}$/.exec(body)?.[1] ?? '');
      },
    });
    fixture.putAction();
    const message = JSON.stringify({ ...fixture.message(), content: 0 }).replace(
      '"content":0',
      '"content":{"big":12345678901234567890,"one":1.0,"tiny":1e-7,"__proto__":{"x":-0}}',
    );
    await fixture.send(message);
    await until(() => fixture.recordTexts.length > 0, 'record');
    const spelled = '"result":{"big":12345678901234567890,"one":1.0,"tiny":1e-7,"__proto__":{"x":-0}}';
    expect(fixture.ackTexts[0]).toContain(spelled);
    expect(fixture.recordTexts[0]).toContain(spelled);
  });
});

describe('an action that fails', () => {
  const run = (status: number, body: string): FakeGuest => ({
    onRequest: ({ path, response }) => {
      if (path === '/run') answer(response, status, body);
    },
  });
  const init = (status: number, body: string): FakeGuest => ({
    onRequest: ({ path, response }) => {
      if (path === '/init') answer(response, status, body);
    },
  });

  test.each([
    ['an error result', run(200, '{"error":{"code":1.0},"more":2}'), 1, { code: { rawJSON: '1.0' } }, true],
    ['a runtime error', run(502, '{"error":"An error has occurred: x"}'), 2, 'An error has occurred: x', false],
    ['no JSON', run(200, 'oops'), 2, 'The action did not produce a valid JSON or JSON Array response: oops', false],
    ['a scalar', run(200, '17'), 2, 'The action did not produce a valid JSON or JSON Array response: 17', false],
    ['nothing', run(200, ''), 2, 'The action did not produce a valid JSON or JSON Array response.', false],
    [
      'a failed init',
      init(502, '{"error":"Initialization has failed due to: y"}'),
      2,
      'Initialization has failed due to: y',
      false,
    ],
    ['an odd init', init(500, 'odd'), 2, 'The action failed during initialization: odd', false],
  ])('by %s', async (_what, guest, statusCode, error, kept) => {
    await start(guest);
    fixture.putAction();
    const { activation, record } = await fixture.invoke();
    expect(activation?.response).toMatchObject({ statusCode, result: { error } });
    expect(Object.keys(activation?.response.result as object)).toEqual(['error']);
    const developerError = 'stderr: The action did not initialize or run as expected. Log data might be missing.';
    expect(record.logs.some((line) => line.endsWith(developerError))).toBe(statusCode === 2);
    if (!kept) await until(() => host.alive().length === 0, 'the VM is gone');
    else expect(host.alive()).toHaveLength(1);
  });

  test.each(['init', 'run'] as const)('by taking too long in /%s loses its VM', async (phase) => {
    await start({
      onRequest: ({ path }) => (path === `/${phase}` ? new Promise<void>(() => {}) : undefined),
    });
    fixture.putAction({ limits: { timeout: 150 } });
    const { activation, record } = await fixture.invoke();
    const where = phase === 'init' ? ' during initialization.' : '.';
    expect(activation?.response).toEqual({
      statusCode: 2,
      result: { error: `The action exceeded its time limits of 150 milliseconds${where}` },
    });
    expect(annotation(record.annotations, 'timeout')).toBe(true);
    expect(record.duration).toBeGreaterThanOrEqual(150);
    expect(annotation(record.annotations, 'initTime')).toBeDefined();
    await until(() => host.alive().length === 0, 'the VM is gone');
  });

  test.each([
    ['/init', 'exit', 'The action did not initialize and exited unexpectedly.'],
    ['/run', 'abort', 'The action did not produce a valid response and exited unexpectedly.'],
    ['/run', 'fault', 'The action did not produce a valid response and exited unexpectedly.'],
    ['/run', 'memory', 'The action exhausted its memory and was aborted.'],
    ['/init', 'memory', 'The action exhausted its memory and was aborted.'],
  ] as const)('by dying in %s of %s costs that activation only', async (path, reason, error) => {
    let deaths = 0;
    await start({
      onRequest: async (request) => {
        if (request.path !== path || deaths > 0) return;
        deaths += 1;
        request.vm.write('stdout', 'last words');
        await request.vm.die({ reason });
      },
    });
    fixture.putAction();
    const { activation, record } = await fixture.invoke();
    expect(activation?.response).toEqual({ statusCode: 2, result: { error } });
    expect(record.logs[0]).toMatch(/stdout: last words$/);
    expect((await fixture.invoke()).activation?.response.statusCode).toBe(0);
    expect(host.vms).toHaveLength(2);
  });

  test('by a response over the limit is told so, and its VM lives on', async () => {
    const body = JSON.stringify({ text: 'é'.repeat(3_000) });
    await start(run(200, body), { maxResponseBytes: 2_000, truncationBytes: 101 });
    fixture.putAction();
    const { activation } = await fixture.invoke();
    const length = Buffer.byteLength(body);
    expect(activation?.response).toEqual({
      statusCode: 1,
      result: {
        error: `The action produced a response that exceeded the allowed length: ${length} > 2000 bytes. The truncated response was: {"text":"${'é'.repeat(46)}`,
      },
      size: length,
    });
    await fixture.invoke();
    expect(host.vms).toHaveLength(1);
  });

  test('by declining (503) is tried on other VMs, a bounded number of times', async () => {
    await start(run(503, ''));
    fixture.putAction();
    const { acks, activation } = await fixture.invoke();
    expect(host.vms).toHaveLength(3);
    expect(acks).toMatchObject([{ kind: 'combined', isSystemError: true }]);
    expect(activation?.response.statusCode).toBe(3);
  });
});

describe('what never reaches a VM', () => {
  test.each([
    ['a missing action', (f: Fixture) => f.invoke(), 1, 'Action could not be found or may have been deleted.'],
    [
      'a sequence',
      (f: Fixture) => {
        f.putAction({ kind: 'sequence' });
        return f.invoke();
      },
      3,
      'Action version is not compatible and cannot be invoked.',
    ],
    [
      'encrypted parameters',
      (f: Fixture) => {
        f.putAction();
        return f.invoke({ lockedArgs: { a: 'aes-128' } });
      },
      3,
      'Encrypted parameters are not supported by this invoker.',
    ],
    [
      'an action larger than the pool',
      (f: Fixture) => {
        f.putAction({ limits: { memory: 4096 } });
        return f.invoke();
      },
      3,
      'Failed to provision resources to run the action.',
    ],
  ])('%s', async (_what, invoke, statusCode, error) => {
    await start();
    const { acks, activation, record } = await invoke(fixture);
    expect(acks).toMatchObject([{ kind: 'combined', isSystemError: statusCode === 3 }]);
    expect(activation?.response).toEqual({ statusCode, result: { error } });
    expect(record.duration).toBe(0);
    expect(annotation(record.annotations, 'initTime')).toBeUndefined();
    expect(host.vms).toHaveLength(0);
  });

  test('a boot that fails', async () => {
    host = fakeHost();
    fixture = await startFixture(() => Promise.reject(new Error('no image')));
    fixture.putAction();
    const { acks, activation } = await fixture.invoke({ blocking: false });
    expect(activation).toBeUndefined();
    expect(acks).toMatchObject([{ kind: 'combined', isSystemError: true, response: expect.any(String) }]);
    expect(fixture.invoker.status().pool).toMatchObject({ usedMb: 0, queued: 0, vms: [] });
  });

  test('a store that does not answer, and one that fails to store', async () => {
    host = fakeHost();
    let failures = 1;
    fixture = await startFixture(host.boot, { actions: { getAction: () => Promise.reject(new Error('down')) } });
    const { activation } = await fixture.invoke();
    expect(activation?.response.result).toEqual({ error: 'Action could not be fetched.' });
    await fixture.close();
    const stored: string[] = [];
    fixture = await startFixture(host.boot, {
      activations: {
        putActivation: (record) => {
          if (failures-- > 0) return Promise.reject(new Error('busy'));
          stored.push(record);
          return Promise.resolve();
        },
      },
    });
    await fixture.send(JSON.stringify(fixture.message()));
    await until(() => stored.length === 1, 'the second try');
  });
});

describe('sequences and bindings', () => {
  test('are annotated', async () => {
    await start();
    fixture.putAction();
    const cause = 'a'.repeat(32);
    const { record } = await fixture.invoke({
      cause,
      action: { path: 'guest', name: 'hello', version: '0.0.1', binding: 'other/bound' },
    });
    expect(record.cause).toBe(cause);
    expect(annotation(record.annotations, 'causedBy')).toBe('sequence');
    expect(annotation(record.annotations, 'binding')).toBe('other/bound');
  });
});

describe('health', () => {
  test('is pinged at once and every second, and revoked at the end', async () => {
    const { createEmbeddedBus } = await import('./bus/embedded.ts');
    const bus = createEmbeddedBus();
    const pings: unknown[] = [];
    await bus.consume('health', 'health0', { maxInFlight: 1 }, async (text) => void pings.push(JSON.parse(text)));
    host = fakeHost();
    fixture = await startFixture(host.boot, { bus });
    await until(() => pings.length >= 2, 'two pings');
    await fixture.invoker.close();
    const name = {
      instance: 0,
      userMemory: '1073741824 B',
      instanceType: 'invoker',
      tags: [],
      dedicatedNamespaces: [],
      uniqueName: 'invoker0',
    };
    await until(() => pings.length >= 3, 'last ping');
    expect(pings[0]).toEqual({ name, isEnabled: true });
    expect(pings.at(-1)).toEqual({ name, isEnabled: false });
  });
});

describe('closing', () => {
  test('lets what runs finish', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await start({ onRequest: ({ path }) => (path === '/run' ? gate : undefined) });
    fixture.putAction();
    const running = fixture.invoke({ content: { done: true } });
    await until(() => (host.vms[0]?.requests.length ?? 0) === 2, '/run');
    const closed = fixture.invoker.close();
    release();
    expect((await running).activation?.response.result).toEqual({ done: true });
    await closed;
    expect(fixture.invoker.status().state).toBe('closed');
  });

  test('does not wait for ever: what is cut off is still acknowledged', async () => {
    await start(
      { onRequest: ({ path }) => (path === '/run' ? new Promise<void>(() => {}) : undefined) },
      { drainMs: 50 },
    );
    fixture.putAction();
    const running = fixture.invoke();
    await until(() => (host.vms[0]?.requests.length ?? 0) === 2, '/run');
    await fixture.invoker.close();
    expect((await running).activation?.response.statusCode).toBe(2);
  });
});
