import { type Json, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, field, guestAuth, type Harness, startHarness } from '../testing/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({
    users: {
      subjects: [
        {
          subject: 'narrow',
          namespaces: [
            {
              name: 'narrow',
              uuid: '11111111-2222-3333-4444-555555555555',
              key: 'k'.repeat(64),
              limits: { maxActionMemory: 256, maxParameterSize: 100, allowedKinds: ['nodejs:20'] },
            },
          ],
        },
      ],
    },
  });
});
afterAll(() => harness.close());
afterEach(async () => {
  const { json } = await harness.call('GET', '/namespaces/_/actions?limit=0');
  for (const each of json as Json[]) await harness.call('DELETE', path(String(field(each, 'name'))));
});

const path = (name: string) => `/namespaces/_/actions/${encodeURIComponent(name)}`;
const error = ({ status, json }: Answer) => [status, field(json, 'error')];
const malformed = (why: string) => [400, `The request content was malformed:\n${why}`];
const update = (name: string, fields: { [key: string]: Json }) =>
  harness.call('PUT', `${path(name)}?overwrite=true`, { body: stringifyJson(fields) });

describe('create', () => {
  it('fills in defaults', async () => {
    const before = Date.now();
    const { status, json } = await harness.create('hello');
    expect(status).toBe(200);
    expect(json).toEqual({
      namespace: 'guest',
      name: 'hello',
      exec: { kind: 'nodejs:24', binary: false, code: 'function main() { }' },
      parameters: [],
      limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
      version: '0.0.1',
      publish: false,
      annotations: [
        { key: 'provide-api-key', value: false },
        { key: 'exec', value: 'nodejs:24' },
      ],
      updated: expect.any(Number),
    });
    expect(field(json, 'updated')).toBeGreaterThanOrEqual(before);
  });

  it('keeps what it was given', async () => {
    const { json } = await harness.create('full', {
      exec: { kind: 'NodeJS:24 ', code: 'UEsDBA==', main: 'index.run' },
      parameters: [
        { key: 'a', value: { b: [1, null] } },
        { key: 'secret', value: 'x', init: true },
        { key: 'locked', value: 'zzz', init: false, encryption: 'aes-128' },
      ],
      limits: { timeout: 100, memory: 128, logs: 0, concurrency: 200, instances: 3 },
      annotations: [
        { key: 'provide-api-key', value: true },
        { key: 'web-export', value: true },
      ],
      version: '1.2',
      publish: true,
    });
    expect(json).toMatchObject({
      exec: { kind: 'nodejs:24', binary: true, code: 'UEsDBA==', main: 'index.run' },
      parameters: [
        { key: 'a', value: { b: [1, null] } },
        { key: 'secret', value: 'x', init: true },
        { key: 'locked', value: 'zzz', encryption: 'aes-128' },
      ],
      limits: { timeout: 100, memory: 128, logs: 0, concurrency: 200, instances: 3 },
      annotations: [
        { key: 'provide-api-key', value: true },
        { key: 'web-export', value: true },
        { key: 'exec', value: 'nodejs:24' },
      ],
      version: '1.2.0',
      publish: true,
    });
  });

  it('refuses an existing name unless told to overwrite', async () => {
    await harness.create('hello');
    expect(error(await harness.create('hello'))).toEqual([409, 'resource already exists']);
  });

  it('needs exec', async () => {
    expect(error(await harness.call('PUT', path('x'), { body: '{}' }))).toEqual([400, 'exec undefined']);
    expect(error(await harness.call('PUT', path('x'), { body: '{"exec":null}' }))).toEqual([400, 'exec undefined']);
  });

  it.each<[string, { [key: string]: Json }, string]>([
    ['kind missing', { exec: { code: 'x' } }, "'kind' must be a string defined in 'exec'"],
    [
      'kind unknown',
      { exec: { kind: 'python:3', code: 'x' } },
      "The specified runtime 'python:3' is not supported by this platform. Valid values are: 'nodejs:24'.",
    ],
    [
      'kind without an image',
      { exec: { kind: 'nodejs:20', code: 'x' } },
      "The specified runtime 'nodejs:20' is not supported by this platform. Valid values are: 'nodejs:24'.",
    ],
    [
      'code missing',
      { exec: { kind: 'nodejs:default' } },
      "'code' must be a string or attachment object defined in 'exec' for 'nodejs:24' actions",
    ],
    [
      'main not a string',
      { exec: { kind: 'nodejs:24', code: 'x', main: 1 } },
      "if defined, 'main' be a string in 'exec' for 'nodejs:24' actions",
    ],
    ['parameters not a list', { parameters: { a: 1 } }, 'parameters malformed!'],
    ['a parameter without a value', { parameters: [{ key: 'a' }] }, 'parameters malformed!'],
    ['a parameter with a number as key', { parameters: [{ key: 1, value: 1 }] }, 'parameters malformed!'],
    ['init not a boolean', { parameters: [{ key: 'a', value: 1, init: 'yes' }] }, 'parameters malformed!'],
    ['annotations not a list', { annotations: 'x' }, 'parameters malformed!'],
    ['time a text', { limits: { timeout: '60' } }, 'time limit malformed'],
    ['time not whole', { limits: { timeout: 100.5 } }, 'requirement failed: time limit must be whole number'],
    ['memory a text', { limits: { memory: '256' } }, 'memory limit malformed'],
    ['logs a text', { limits: { logs: true } }, 'log limit malformed'],
    ['concurrency a list', { limits: { concurrency: [] } }, 'concurrency limit malformed'],
    ['version', { version: '1.x' }, 'semantic version malformed'],
    ['version zero', { version: '0.0.0' }, 'semantic version malformed'],
    ['version a number', { version: 1 }, 'semantic version malformed'],
  ])('refuses a malformed body: %s', async (_, fields, why) => {
    expect(error(await harness.create('x', fields))).toEqual(malformed(why));
  });

  it.each([
    ['sequence', 'Sequences are not supported yet.'],
    ['blackbox', 'Docker (blackbox) actions are not supported yet.'],
  ])('answers 501 for %s', async (kind, text) => {
    expect(error(await harness.create('x', { exec: { kind, components: [], image: 'a' } }))).toEqual([501, text]);
  });
});

describe('limits', () => {
  it.each<[{ [key: string]: Json }, string]>([
    [{ timeout: 99 }, 'duration 99 milliseconds below allowed threshold of 100 milliseconds'],
    [{ timeout: 300_001 }, 'duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds'],
    [{ memory: 127 }, 'memory size 127 MB below allowed threshold of 128 MB'],
    [{ memory: 2049 }, 'memory size 2049 MB exceeds allowed threshold of 2048 MB'],
    [{ logs: -1 }, 'log size -1 MB below allowed threshold of 0 MB'],
    [{ logs: 11 }, 'log size 11 MB exceeds allowed threshold of 10 MB'],
    [{ concurrency: 0 }, 'concurrency 0 below allowed threshold of 1'],
    [{ concurrency: 201 }, 'concurrency 201 exceeds allowed threshold of 200'],
  ])('refuses %j', async (limits, text) => {
    expect(error(await harness.create('x', { limits }))).toEqual([400, `requirement failed: ${text}`]);
  });

  it('takes the edges, and whole numbers however they are spelled', async () => {
    for (const limits of [
      { timeout: 100, memory: 128, logs: 0, concurrency: 1 },
      { timeout: 300_000, memory: 2048, logs: 10, concurrency: 200 },
    ]) {
      expect(field((await update('edges', { exec: { kind: 'nodejs:24', code: '1' }, limits })).json, 'limits')).toEqual(
        limits,
      );
    }
    const { json } = await harness.call('PUT', `${path('edges')}?overwrite=true`, {
      body: '{"limits":{"timeout":1.0e3,"memory":256.0,"logs":null}}',
    });
    expect(field(json, 'limits')).toEqual({ timeout: 1000, memory: 256, logs: 10, concurrency: 200 });
  });

  it('narrows them to those of a namespace', async () => {
    const auth = `11111111-2222-3333-4444-555555555555:${'k'.repeat(64)}`;
    const put = (fields: { [key: string]: Json }) =>
      harness.call('PUT', '/namespaces/_/actions/x', { auth, body: stringifyJson(fields) });
    expect(error(await put({ limits: { memory: 512 } }))).toEqual([
      400,
      'requirement failed: memory size 512 MB exceeds allowed threshold of 256 MB',
    ]);
    expect(error(await put({ parameters: [{ key: 'k', value: 'v'.repeat(100) }] }))).toEqual([
      413,
      'parameters larger than allowed: 103 > 100 bytes.',
    ]);
    expect(error(await put({ exec: { kind: 'nodejs:24', code: 'x' } }))).toEqual([
      403,
      "The supplied authentication is not authorized to access actions of kind 'nodejs:24'.",
    ]);
    expect(guestAuth).not.toBe(auth);
  });
});

describe('sizes', () => {
  it('bounds parameters and annotations at 1 MB, to the byte', async () => {
    const kMb = 1024 * 1024;
    // Key 'k' and two quotes: three bytes.
    const fits = [{ key: 'k', value: `${'é'.repeat((kMb - 4) / 2)}x` }];
    const over = [{ key: 'k', value: 'é'.repeat((kMb - 2) / 2) }];
    expect((await harness.create('fits', { parameters: fits, annotations: fits })).status).toBe(200);
    expect(error(await harness.create('x', { parameters: over }))).toEqual([
      413,
      `parameters larger than allowed: ${kMb + 1} > ${kMb} bytes.`,
    ]);
    expect(error(await harness.create('x', { annotations: over }))).toEqual([
      413,
      `annotations larger than allowed: ${kMb + 1} > ${kMb} bytes.`,
    ]);
  });

  it('takes 48 MB of code and not a byte more', async () => {
    const size = 48 * 1024 * 1024;
    const put = (code: string) =>
      harness.call('PUT', path('big'), { body: `{"exec":{"kind":"nodejs:24","code":"${code}"}}` });
    expect(error(await put('A'.repeat(size + 1)))).toEqual([
      413,
      `exec larger than allowed: ${size + 1} > ${size} bytes.`,
    ]);
    const { status, json } = await put('A'.repeat(size));
    expect(status).toBe(200);
    expect(field(json, 'exec', 'binary')).toBe(true);
    expect((await harness.store.entities.readCode('guest/big'))?.length).toBe(size);
  });

  it('does not read a body of more than 50 MB', async () => {
    const answer = await harness.call('PUT', path('x'), { body: Buffer.alloc(50 * 1024 * 1024 + 1, 0x20) });
    expect(answer.status).toBe(413);
    expect(field(answer.json, 'error')).toMatch(/exceeded size limit/);
  });
});

describe('update', () => {
  it('counts the version up and keeps what is not given', async () => {
    await harness.create('hello', {
      parameters: [{ key: 'a', value: 1 }],
      limits: { timeout: 5000 },
      annotations: [
        { key: 'x', value: 1 },
        { key: 'y', value: 2 },
      ],
      publish: true,
    });
    const { json } = await update('hello', { limits: { memory: 512 }, annotations: [{ key: 'y', value: 3 }] });
    expect(json).toMatchObject({
      exec: { code: 'function main() { }' },
      parameters: [{ key: 'a', value: 1 }],
      limits: { timeout: 5000, memory: 512, logs: 10, concurrency: 1 },
      version: '0.0.2',
      publish: true,
      annotations: [
        { key: 'x', value: 1 },
        { key: 'y', value: 3 },
        { key: 'provide-api-key', value: false },
        { key: 'exec', value: 'nodejs:24' },
      ],
    });
    expect(field((await update('hello', {})).json, 'version')).toBe('0.0.3');
    expect(field((await update('hello', { version: '2.0.9' })).json, 'version')).toBe('2.0.9');
    expect(field((await update('hello', { parameters: [] })).json, 'parameters')).toEqual([]);
  });

  it('deletes annotations, but never that of the kind', async () => {
    await harness.create('hello', {
      annotations: [
        { key: 'x', value: 1 },
        { key: 'y', value: 2 },
      ],
    });
    const { json } = await update('hello', {
      delAnnotations: ['x', 'exec', 'none'],
      annotations: [{ key: 'z', value: 3 }],
    });
    expect((field(json, 'annotations') as Json[]).map((each) => field(each, 'key'))).toEqual([
      'y',
      'provide-api-key',
      'z',
      'exec',
    ]);
  });

  it('takes new code, which is then what is stored', async () => {
    await harness.create('hello');
    const first = await harness.store.entities.readAction('guest/hello');
    await update('hello', { exec: { kind: 'nodejs:24', code: 'new code' } });
    const second = await harness.store.entities.readAction('guest/hello');
    expect(await harness.store.entities.readCode('guest/hello')).toBe('new code');
    expect(first?.revision).toMatch(/^1-[0-9a-f]{32}$/);
    expect(second?.revision).toMatch(/^2-[0-9a-f]{32}$/);
  });

  it('with overwrite creates what is not there', async () => {
    expect(field((await update('fresh', { exec: { kind: 'nodejs:24', code: '1' } })).json, 'version')).toBe('0.0.1');
  });
});

describe('read and delete', () => {
  it('shows the code unless told not to', async () => {
    const created = await harness.create('hello');
    expect((await harness.call('GET', path('hello'))).json).toEqual(created.json);
    const { json } = await harness.call('GET', `${path('hello')}?code=false`);
    expect(field(json, 'exec')).toEqual({ kind: 'nodejs:24', binary: false });
    expect(error(await harness.call('GET', `${path('hello')}?code=maybe`))).toEqual([
      400,
      "The query parameter 'code' was malformed:\n'maybe' is not a valid Boolean value",
    ]);
  });

  it('deletes once and answers with the action', async () => {
    const created = await harness.create('hello');
    const deleted = await harness.call('DELETE', path('hello'));
    expect([deleted.status, deleted.json]).toEqual([200, created.json]);
    expect(error(await harness.call('DELETE', path('hello')))).toEqual([404, 'The requested resource does not exist.']);
    expect((await harness.call('GET', path('hello'))).status).toBe(404);
    expect(await harness.store.entities.readCode('guest/hello')).toBeUndefined();
  });
});

describe('names', () => {
  it.each(['a', '_x', '9', 'with space', 'a@b.c&d-e', 'x'.repeat(256)])('takes %j', async (name) => {
    expect((await harness.create(name)).status).toBe(200);
    expect(field((await harness.call('GET', path(name))).json, 'name')).toBe(name);
  });

  it.each(['-a', '.a', ' a', 'a ', 'a$b', 'é', 'a/b', 'a\nb', '$&'])('refuses %j', async (name) => {
    expect(error(await harness.create(name))).toEqual([400, 'The name of the entity contains illegal characters.']);
  });

  it('refuses long ones by their length', async () => {
    expect(error(await harness.create('x'.repeat(257)))).toEqual([
      400,
      'Name segement longer than allowed: 257 > 256.',
    ]);
    expect(error(await harness.call('GET', `/namespaces/${'n'.repeat(257)}/actions`))).toEqual([
      400,
      'Namespace longer than allowed: 257 > 256.',
    ]);
    expect(error(await harness.call('GET', '/namespaces/a$/actions'))).toEqual([
      400,
      'The namespace contains illegal characters.',
    ]);
  });
});

describe('list', () => {
  const list = (query = '') => harness.call('GET', `/namespaces/_/actions${query}`);
  const names = ({ json }: Answer) => (json as Json[]).map((each) => field(each, 'name'));

  it('gives summaries, the latest update first', async () => {
    for (const name of ['a', 'b', 'c']) await harness.create(name);
    await new Promise((resolve) => setTimeout(resolve, 3));
    await update('a', { exec: { kind: 'nodejs:24', code: 'UEsDBA==' } });
    const answer = await list('/');
    expect(names(answer)).toEqual(['a', 'c', 'b']);
    expect(field(answer.json, 0)).toEqual({
      namespace: 'guest',
      name: 'a',
      version: '0.0.2',
      publish: false,
      annotations: [
        { key: 'provide-api-key', value: false },
        { key: 'exec', value: 'nodejs:24' },
      ],
      limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
      exec: { binary: true },
      updated: expect.any(Number),
    });
  });

  it('pages and counts', async () => {
    for (let index = 0; index < 32; index += 1) await harness.create(`n${index}`);
    expect(names(await list())).toHaveLength(30);
    expect(names(await list('?limit=0'))).toHaveLength(32);
    const all = names(await list('?limit=200'));
    expect(names(await list('?limit=2&skip=3'))).toEqual(all.slice(3, 5));
    expect(names(await list('?skip=32'))).toEqual([]);
    expect((await list('?count=true')).json).toEqual({ actions: 32 });
    expect((await list('?count=true&skip=30')).json).toEqual({ actions: 2 });
    expect((await list('?count=true&skip=99')).json).toEqual({ actions: 0 });
  });

  it.each([
    ['limit', '201', "The value '201' is not in the range of 0 to 200 for actions."],
    ['limit', '-1', "The value '-1' is not in the range of 0 to 200 for actions."],
    ['limit', 'x', "The value 'x' is not an integer for actions."],
    ['limit', '99999999999', "The value '99999999999' is not an integer for actions."],
    ['skip', '-1', "The value '-1' is not greater than or equal to 0 for actions."],
    ['skip', '1.5', "The value '1.5' is not an integer for actions."],
  ])('refuses %s=%s', async (name, value, why) => {
    expect(error(await list(`?${name}=${value}`))).toEqual([
      400,
      `The query parameter '${name}' was malformed:\n${why}`,
    ]);
  });
});

describe('spelling of numbers', () => {
  const list =
    '[{"key":"n","value":12345678901234567890},{"key":"f","value":1.0},{"key":"o","value":{"e":[1e400,-0.0]}}]';

  it('survives create, update, read and list', async () => {
    const put = (query: string, body: string) => harness.call('PUT', `${path('num')}${query}`, { body });
    const body = `{"exec":{"kind":"nodejs:24","code":"1"},"parameters":${list},"annotations":${list}}`;
    const inner = list.slice(1, -1);
    const created = await put('', body);
    const updated = await put('?overwrite=true', '{"limits":{"timeout":1000}}');
    const read = await harness.call('GET', path('num'));
    for (const { text } of [created, updated, read]) {
      expect(text).toContain(`"parameters":${list}`);
      expect(text).toContain(`"annotations":[${inner}`);
    }
    expect((await harness.call('GET', '/namespaces/_/actions')).text).toContain(inner);
    expect(await harness.store.entities.getAction('guest/num')).toContain(`"parameters":${list}`);
  });

  it('takes the later of two equal keys', async () => {
    const body =
      '{"exec":{"kind":"nodejs:24","code":"1"},"parameters":[{"key":"a","value":1},{"key":"b","value":2},{"key":"a","value":3}]}';
    const { json } = await harness.call('PUT', path('dup'), { body });
    expect(field(json, 'parameters')).toEqual([
      { key: 'a', value: 3 },
      { key: 'b', value: 2 },
    ]);
  });
});
