import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { field, type Harness, startHarness } from '../testing/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
  await harness.create('hello');
});
afterAll(() => harness.close());

const actions = '/namespaces/_/actions';

describe('what needs no authentication', () => {
  it('answers /ping', async () => {
    const { status, text } = await harness.call('GET', '//ping', { auth: null });
    expect([status, text]).toEqual([200, 'pong']);
  });

  it('tells of limits and runtimes at the root', async () => {
    const { status, json } = await harness.call('GET', '//', { auth: null });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      description: 'OpenWhisk',
      api_paths: ['/api/v1'],
      limits: { min_action_duration: 100, max_action_duration: 300_000, max_action_memory: 2048 * 1024 * 1024 },
      runtimes: { nodejs: [{ kind: 'nodejs:24', default: true, deprecated: false, attached: true }] },
    });
  });

  it.each(['', '/'])('tells its version at /api/v1%s', async (path) => {
    const { status, json } = await harness.call('GET', path, { auth: null });
    expect(status).toBe(200);
    expect(json).toEqual({
      description: 'OpenWhisk API',
      api_version: '1.0.0',
      api_version_path: 'v1',
      build: 'test',
      buildno: '1',
      swagger_paths: { ui: '/docs', 'api-docs': '/api-docs' },
    });
  });

  it('answers OPTIONS', async () => {
    const { status, headers } = await harness.call('OPTIONS', `${actions}/hello`, { auth: null });
    expect(status).toBe(200);
    expect(headers['access-control-allow-methods']).toBe('GET, DELETE, POST, PUT, HEAD');
  });
});

describe('authentication', () => {
  it('is asked for', async () => {
    const { status, json, headers } = await harness.call('GET', '/namespaces', { auth: null });
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Basic realm="OpenWhisk secure realm"');
    expect(field(json, 'error')).toBe('The resource requires authentication, which was not supplied with the request');
  });

  const uuid = '23bc46b1-71f6-4ed5-8c54-816aa4f8c502';
  it.each([
    ['a wrong key', `${uuid}:${'1'.repeat(64)}`],
    ['an unknown uuid', `00000000-0000-0000-0000-000000000000:${'a'.repeat(64)}`],
    ['no colon', 'abc'],
    ['an empty key', `${uuid}:`],
    ['a name of Object', '__proto__:constructor'],
  ])('refuses %s', async (_, auth) => {
    const { status, json } = await harness.call('GET', '/namespaces', { auth });
    expect([status, field(json, 'error')]).toEqual([401, 'The supplied authentication is invalid']);
  });

  it('guards unknown paths too, and reads no body before', async () => {
    expect((await harness.call('GET', '/nothing/here', { auth: null })).status).toBe(401);
    expect((await harness.call('PUT', `${actions}/x`, { auth: null, body: '{broken' })).status).toBe(401);
  });

  it('cannot be got round by another spelling of the path', async () => {
    for (const path of [
      '//%61pi/v1/namespaces',
      '///api/v1/namespaces',
      '//api/v1%2fnamespaces',
      '//API/v1/namespaces',
    ]) {
      const { status, json } = await harness.call('GET', path, { auth: null });
      expect([path, [401, 404].includes(status), Array.isArray(json)]).toEqual([path, true, false]);
    }
    const encoded = await harness.call('PUT', `//%61pi/v1${actions}/x`, { auth: null, body: '{broken' });
    expect([encoded.status, encoded.headers['www-authenticate'] !== undefined]).toEqual([401, true]);
  });

  it('gives the namespace and its limits', async () => {
    expect((await harness.call('GET', '/namespaces')).json).toEqual(['guest']);
    const { json } = await harness.call('GET', '/namespaces/_/limits');
    expect(json).toMatchObject({ minActionMemory: 128, maxActionMemory: 2048, maxActionConcurrency: 200 });
  });

  it('keeps others out of a namespace', async () => {
    for (const [path, resource] of [
      ['actions', 'other'],
      ['actions/hello', 'other/hello'],
      ['activations', 'other'],
      ['limits', 'other'],
      ['triggers/t', 'other/t'],
    ]) {
      const { status, json } = await harness.call('GET', `/namespaces/other/${path}`);
      expect([status, field(json, 'error')]).toEqual([
        403,
        `The supplied authentication is not authorized to access '${resource}'.`,
      ]);
    }
  });
});

describe('every answer', () => {
  it('carries a transaction id, in errors too', async () => {
    const { json, headers } = await harness.call('GET', `${actions}/missing`);
    expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(field(json, 'code')).toBe(headers['x-request-id']);
    expect(field(json, 'error')).toBe('The requested resource does not exist.');
  });

  it('takes the id of the client, but none of the system', async () => {
    const own = await harness.call('GET', '/namespaces', { headers: { 'x-request-id': 'mine-1' } });
    expect(own.headers['x-request-id']).toBe('mine-1');
    const system = await harness.call('GET', '/namespaces', { headers: { 'x-request-id': 'sid_invokerHealth' } });
    expect(system.headers['x-request-id']).not.toMatch(/^sid_/);
    const long = await harness.call('GET', '/namespaces', { headers: { 'x-request-id': 'x'.repeat(5000) } });
    expect(long.headers['x-request-id']).toHaveLength(32);
  });

  it('allows any origin, but not on web actions', async () => {
    expect((await harness.call('GET', '/namespaces')).headers['access-control-allow-origin']).toBe('*');
    expect(
      (await harness.call('GET', '/web/x', { auth: null })).headers['access-control-allow-origin'],
    ).toBeUndefined();
  });
});

describe('methods and paths', () => {
  it.each([
    ['POST', '/namespaces', 'GET'],
    ['HEAD', '/namespaces', 'GET'],
    ['POST', actions, 'GET'],
    ['PATCH', `${actions}/hello`, 'GET, PUT, DELETE, POST'],
    ['DELETE', `/namespaces/_/activations/${'a'.repeat(32)}`, 'GET'],
    ['PUT', '/namespaces/_/activations', 'GET'],
    ['POST', '//ping', 'GET'],
    ['POST', '', 'GET'],
  ])('%s %s is not allowed', async (method, path, allowed) => {
    const { status, json, headers } = await harness.call(method, path);
    expect(status).toBe(405);
    expect(headers.allow).toBe(allowed);
    if (method !== 'HEAD') {
      expect(field(json, 'error')).toBe(`HTTP method not allowed, supported methods: ${allowed}`);
    }
  });

  it('knows no other paths', async () => {
    for (const path of [
      '/nothing',
      '/namespaces/_',
      '/namespaces/_/things',
      '//nothing',
      '/namespaces/_/actions/a/b/c',
    ]) {
      const { status, json } = await harness.call('GET', path);
      expect([path, status, field(json, 'error')]).toEqual([path, 404, 'The requested resource could not be found.']);
    }
  });

  it('refuses a URL that cannot be decoded, with a transaction id', async () => {
    const { status, headers, json } = await harness.call('GET', `${actions}/%zz`);
    expect(status).toBe(400);
    expect(headers['x-request-id']).toBe(field(json, 'code'));
  });

  it.each([
    ['PUT', '/namespaces/_/triggers/t', 'Triggers'],
    ['POST', '/namespaces/_/triggers/t', 'Triggers'],
    ['PUT', '/namespaces/guest/rules/r', 'Rules'],
    ['PUT', '/namespaces/_/packages/p', 'Packages'],
    ['DELETE', '/namespaces/_/packages/p', 'Packages'],
    ['GET', '/namespaces/_/actions/pkg/', 'Packages'],
    ['GET', '/namespaces/_/actions/pkg/hello', 'Packages'],
    ['POST', '/namespaces/_/actions/pkg/hello', 'Packages'],
    ['GET', '/web/guest/default/hello.json', 'Web actions'],
  ])('%s %s is not there yet and says so', async (method, path, feature) => {
    const { status, json } = await harness.call(method, path);
    expect([status, field(json, 'error')]).toEqual([501, `${feature} are not supported yet.`]);
  });
});

describe.each(['packages', 'triggers', 'rules'])('%s, of which none can be made yet,', (collection) => {
  const base = `/namespaces/_/${collection}`;

  it.each(['', '/', '?limit=0&skip=0', '?limit=200&public=true'])('are listed as none (%s)', async (query) => {
    const { status, text } = await harness.call('GET', `${base}${query}`);
    expect([status, text]).toEqual([200, '[]']);
  });

  it('are counted as none', async () => {
    const { status, json } = await harness.call('GET', `${base}?count=true`);
    expect([status, json]).toEqual([200, { [collection]: 0 }]);
  });

  it('are checked like any list', async () => {
    expect((await harness.call('GET', base, { auth: null })).status).toBe(401);
    expect((await harness.call('GET', `/namespaces/other/${collection}`)).status).toBe(403);
    const { status, json } = await harness.call('GET', `${base}?limit=201`);
    expect([status, field(json, 'error')]).toEqual([
      400,
      `The query parameter 'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for ${collection}.`,
    ]);
    expect((await harness.call('POST', base)).status).toBe(405);
  });

  it('do not exist one by one', async () => {
    const { status, json } = await harness.call('GET', `${base}/x`);
    expect([status, field(json, 'error')]).toEqual([404, 'The requested resource does not exist.']);
    expect((await harness.call('GET', `${base}/%2fx`)).status).toBe(400);
    expect((await harness.call('GET', `/namespaces/other/${collection}/x`)).status).toBe(403);
  });
});

describe('bodies', () => {
  const put = (body: string | Buffer, headers?: Record<string, string>) =>
    harness.call('PUT', `${actions}/body`, { body, ...(headers === undefined ? {} : { headers }) });

  it.each([
    ['broken JSON', '{"a":'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['deeper than the limit', `{"parameters":${'['.repeat(1001)}${']'.repeat(1001)}}`],
    ['deeper than the stack', `{"parameters":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['an array', '[]'],
    ['null', 'null'],
    ['a bare number', '1.0'],
  ])('%s is malformed', async (_, body) => {
    const { status, json } = await put(body);
    expect(status).toBe(400);
    expect(field(json, 'error')).toMatch(/^The request content was malformed:\n/);
  });

  it('must be JSON by their type', async () => {
    const { status, json } = await put('a=b', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(status).toBe(415);
    expect(field(json, 'error')).toMatch(/Content-Type \[application\/x-www-form-urlencoded\] is not supported/);
  });

  it('may name a charset', async () => {
    const { status } = await put('{"exec":{"kind":"nodejs:24","code":"1"}}', {
      'content-type': 'application/json; charset=utf-8',
    });
    expect(status).toBe(200);
  });

  it('do not pollute prototypes', async () => {
    await harness.create('polluted', {});
    const body =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"annotations":[{"key":"__proto__","value":{"polluted":1}}]}';
    const { status, text } = await harness.call('PUT', `${actions}/polluted?overwrite=true`, { body });
    expect(status).toBe(200);
    expect(text).toContain('{"key":"__proto__","value":{"polluted":1}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('survives a peer that speaks no HTTP', async () => {
    const socket = connect(Number(new URL(harness.url).port), '127.0.0.1');
    socket.end('\0\x01nonsense\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve).resume());
    expect((await harness.call('GET', '//ping')).status).toBe(200);
  });
});
