import { type Json, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, field, type Harness, startHarness } from '../testing/harness.ts';

const kBase = 1_700_000_000_000;
const idOf = (index: number) => index.toString(16).padStart(32, '0');
const error = ({ status, json }: Answer) => [status, field(json, 'error')];

/** A record as an invoker stores it; the third of every four is of a packaged action. */
function record(index: number, fields: { [key: string]: Json } = {}): string {
  const packaged = index % 4 === 2;
  return stringifyJson({
    _id: `guest/${idOf(index)}`,
    entityType: 'activation',
    updated: 1,
    namespace: 'guest',
    name: index % 2 === 0 ? 'even' : 'odd',
    version: '0.0.1',
    subject: 'guest',
    activationId: idOf(index),
    start: kBase + index * 1000,
    end: kBase + index * 1000 + 60,
    duration: 60,
    response: { statusCode: 0, result: { index }, size: 10 },
    logs: [`2023-11-14T22:13:20.100Z       stdout: ${index}`],
    annotations: [{ key: 'path', value: packaged ? 'guest/pkg/even' : 'guest/even' }],
    publish: false,
    ...fields,
  });
}

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({ behave: () => ({ result: { ok: true }, logs: ['late line'], storeAfterMs: 300 }) });
  await Promise.all(Array.from({ length: 40 }, (_, index) => harness.store.activations.putActivation(record(index))));
  const other = record(3, { _id: `other/${idOf(3)}`, namespace: 'other' });
  await harness.store.activations.putActivation(other);
});
afterAll(() => harness.close());

const list = (query = '') => harness.call('GET', `/namespaces/_/activations${query}`);
const ids = ({ json }: Answer) => (json as Json[]).map((each) => field(each, 'activationId'));
const range = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => idOf(from - index));

describe('list', () => {
  it('gives the latest 30 as summaries', async () => {
    const answer = await list('/');
    expect(ids(answer)).toEqual(range(39, 10));
    expect(field(answer.json, 0)).toEqual({
      namespace: 'guest',
      name: 'odd',
      version: '0.0.1',
      publish: false,
      annotations: [{ key: 'path', value: 'guest/even' }],
      activationId: idOf(39),
      start: kBase + 39_000,
      end: kBase + 39_060,
      duration: 60,
      statusCode: 0,
    });
  });

  it('pages and counts', async () => {
    expect(ids(await list('?limit=0'))).toEqual(range(39, 0));
    expect(ids(await list('?limit=3&skip=5'))).toEqual(range(34, 32));
    expect((await list('?count=true')).json).toEqual({ activations: 40 });
    expect((await list('?count=true&skip=38')).json).toEqual({ activations: 2 });
  });

  it('selects by time, both ends included', async () => {
    const [since, upto] = [kBase + 10_000, kBase + 12_000];
    expect(ids(await list(`?since=${since}&upto=${upto}`))).toEqual(range(12, 10));
    expect(ids(await list(`?since=${since + 1}&upto=${upto - 1}`))).toEqual(range(11, 11));
    expect((await list(`?since=${since}&upto=${upto}&count=true`)).json).toEqual({ activations: 3 });
    expect(ids(await list(`?since=${kBase + 1_000_000}`))).toEqual([]);
  });

  it('selects by name, and by package and name', async () => {
    expect((await list('?name=odd&count=true')).json).toEqual({ activations: 20 });
    expect((await list('?name=even&count=true')).json).toEqual({ activations: 10 });
    expect(ids(await list(`?name=pkg/even&since=${kBase + 30_000}`))).toEqual([idOf(38), idOf(34), idOf(30)]);
    expect((await list('?name=none')).json).toEqual([]);
  });

  it('gives whole records with docs', async () => {
    const { json } = await list('?docs=true&limit=1');
    expect(field(json, 0)).toMatchObject({
      activationId: idOf(39),
      logs: [expect.stringContaining('stdout: 39')],
      response: { result: { index: 39 }, size: 10, status: 'success', success: true },
    });
    expect(Object.keys(field(json, 0) as object)).not.toContain('_id');
    expect(field(json, 0, 'response', 'statusCode')).toBeUndefined();
  });

  it.each([
    ['?docs=true&count=true', "The parameter 'docs' is not permitted with 'count'."],
    [
      '?limit=201',
      "The query parameter 'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for activations.",
    ],
    [
      '?since=yesterday',
      "The query parameter 'since' was malformed:\nParameter is not a valid value for epoch seconds: yesterday",
    ],
    ['?upto=1.5', "The query parameter 'upto' was malformed:\nParameter is not a valid value for epoch seconds: 1.5"],
    [
      '?name=a/b/c',
      "The query parameter 'name' was malformed:\nParameter may be a 'simple' name or 'package-name/simple' name: a/b/c",
    ],
    [
      "?name=';--",
      "The query parameter 'name' was malformed:\nParameter may be a 'simple' name or 'package-name/simple' name: ';--",
    ],
  ])('refuses %s', async (query, text) => {
    expect(error(await list(query))).toEqual([400, text]);
  });
});

describe('one activation', () => {
  const get = (path: string) => harness.call('GET', `/namespaces/guest/activations/${path}`);

  it('is shown whole, by result and by logs', async () => {
    const { json } = await get(idOf(7));
    expect(json).toEqual({
      namespace: 'guest',
      name: 'odd',
      version: '0.0.1',
      subject: 'guest',
      activationId: idOf(7),
      start: kBase + 7000,
      end: kBase + 7060,
      duration: 60,
      response: { result: { index: 7 }, size: 10, status: 'success', success: true },
      logs: ['2023-11-14T22:13:20.100Z       stdout: 7'],
      annotations: [{ key: 'path', value: 'guest/even' }],
      publish: false,
    });
    expect((await get(`${idOf(7)}/result`)).json).toEqual(field(json, 'response'));
    expect((await get(`${idOf(7)}/logs`)).json).toEqual({ logs: field(json, 'logs') });
  });

  it('has no end while it is not over', async () => {
    await harness.store.activations.putActivation(record(99, { start: 5, end: 0 }));
    const { json } = await get(idOf(99));
    expect(json).not.toHaveProperty('end');
    expect(field((await list('?upto=5')).json, 0)).not.toHaveProperty('statusCode');
  });

  it('is not found, at once, when nobody knows it', async () => {
    const before = Date.now();
    for (const suffix of ['', '/result', '/logs']) {
      const answer = await get(`${'ab'.repeat(16)}${suffix}`);
      expect(error(answer)).toEqual([404, 'The requested resource does not exist.']);
    }
    expect(Date.now() - before).toBeLessThan(1000);
  });

  it.each([
    ['abc', 'Activation id length is 3 but must be 32.'],
    ['A'.repeat(32), 'The activation id is not valid.'],
    ['g'.repeat(32), 'The activation id is not valid.'],
    ['0'.repeat(33), 'Activation id length is 33 but must be 32.'],
  ])('refuses the id %s', async (id, text) => {
    expect(error(await get(id))).toEqual([400, text]);
  });

  it('is found right after a blocking answer, although its record comes later', async () => {
    await harness.create('slowlog');
    const answer = await harness.call('POST', '/namespaces/_/actions/slowlog?blocking=true');
    const id = String(answer.headers['x-openwhisk-activation-id']);
    expect(answer.status).toBe(200);
    expect(await harness.store.activations.readActivation('guest', id)).toBeUndefined();
    expect((await get(`${id}/logs`)).json).toEqual({ logs: ['late line'] });
  });

  it('is 404 while it still runs', async () => {
    const slow = await startHarness({ behave: () => ({ runMs: 1500, result: {} }) });
    await slow.create('hello');
    const { json } = await slow.call('POST', '/namespaces/_/actions/hello');
    const before = Date.now();
    const path = `/namespaces/_/activations/${String(field(json, 'activationId'))}`;
    expect((await slow.call('GET', path)).status).toBe(404);
    expect(Date.now() - before).toBeLessThan(1200);
    await slow.close();
  });
});
