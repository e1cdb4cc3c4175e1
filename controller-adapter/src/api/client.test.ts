/** The npm `openwhisk` client, unmodified, against the API. */

import openwhisk from 'openwhisk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { guestAuth, type Harness, startHarness } from '../testing/harness.ts';

let harness: Harness;
let client: ReturnType<typeof openwhisk>;
beforeAll(async () => {
  harness = await startHarness({
    behave: ({ content, action }) =>
      action.name === 'fails'
        ? { statusCode: 1, result: { error: 'no luck' } }
        : { result: content ?? {}, logs: ['2023-11-14T22:13:20.100Z       stdout: hi'] },
  });
  client = openwhisk({ apihost: harness.url, api_key: guestAuth });
});
afterAll(() => harness.close());

it('creates, updates, lists, reads and deletes actions', async () => {
  const action = 'function main(args) { return args; }';
  const created = await client.actions.create({ name: 'hello', action, params: { greeting: 'hi' } });
  expect(created).toMatchObject({ name: 'hello', namespace: 'guest', version: '0.0.1' });
  const updated = await client.actions.update({ name: 'hello', action: Buffer.from('PK zip'), kind: 'nodejs:24' });
  expect(updated).toMatchObject({ version: '0.0.2', exec: { binary: true, kind: 'nodejs:24' } });
  expect(await client.actions.list({ limit: 10, skip: 0 })).toMatchObject([{ name: 'hello', exec: { binary: true } }]);
  expect(await client.actions.get({ name: 'hello' })).toMatchObject({
    parameters: [{ key: 'greeting', value: 'hi' }],
  });
  expect(await client.actions.delete({ name: 'hello' })).toMatchObject({ name: 'hello' });
  await expect(client.actions.get({ name: 'hello' })).rejects.toMatchObject({ statusCode: 404 });
});

it('invokes and follows the activation', async () => {
  await client.actions.create({ name: 'echo', action: 'function main(args) { return args; }' });
  expect(await client.actions.invoke({ name: 'echo', params: { a: 1 }, blocking: true, result: true })).toEqual({
    a: 1,
  });
  const { activationId } = await client.actions.invoke({ name: 'echo', params: { b: 2 }, blocking: false });
  await expect.poll(() => client.activations.list().then((all) => all.length)).toBe(2);
  expect(await client.activations.result({ name: activationId })).toMatchObject({ result: { b: 2 }, success: true });
  expect(await client.activations.logs({ name: activationId })).toEqual({
    logs: [expect.stringContaining('stdout: hi')],
  });
  expect(await client.namespaces.list()).toEqual(['guest']);
});

it('gets the error of an action in its message', async () => {
  await client.actions.create({ name: 'fails', action: 'function main() { return { error: 1 }; }' });
  await expect(client.actions.invoke({ name: 'fails', blocking: true })).rejects.toThrow(/no luck/);
});

it('is told what is not there yet', async () => {
  await expect(client.triggers.create({ name: 't' })).rejects.toThrow(/Triggers are not supported yet/);
});

it('gets the lists of what cannot be made yet', async () => {
  expect([await client.packages.list(), await client.triggers.list(), await client.rules.list()]).toEqual([[], [], []]);
  await expect(client.packages.get({ name: 'p' })).rejects.toMatchObject({ statusCode: 404 });
});
