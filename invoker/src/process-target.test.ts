/** The invoker with real guests: plain Node with the action runtime. What a VM of the LibOS must do just the same. */

import { bootProcess } from '@ebbwhisk/libos-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { annotation } from './protocol/messages.ts';
import { type Fixture, startFixture, until } from './testing/fixture.ts';

let fixture: Fixture;
let count = 0;

beforeAll(async () => {
  fixture = await startFixture(bootProcess, { memoryMb: 1024 });
});
afterAll(async () => {
  await fixture.close();
  expect(fixture.invoker.status().pool.vms).toEqual([]);
});

function define(code: string, limits: Record<string, number> = {}): string {
  const name = `action${count++}`;
  fixture.putAction({ name, code, limits });
  return name;
}

const invoke = (name: string, content: Record<string, string | number | boolean> = {}) =>
  fixture.invoke({ action: { path: 'guest', name, version: '0.0.1' }, content });

test('runs cold, then hot, with its logs', async () => {
  const name = define(`
    let calls = 0;
    async function main(args) {
      console.log('hello', args.who);
      process.stderr.write('no newline at the end');
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { calls: ++calls, host: process.env.__OW_API_HOST, id: process.env.__OW_ACTIVATION_ID };
    }`);
  for (const calls of [1, 2, 3]) {
    const { activation, record } = await invoke(name, { who: `world ${calls} 🌍` });
    expect(activation?.response).toMatchObject({
      statusCode: 0,
      result: { calls, host: 'http://10.0.2.2:3233', id: record.activationId },
    });
    expect(record.logs.map((line) => line.slice(31))).toEqual([
      `stdout: hello world ${calls} 🌍`,
      'stderr: no newline at the end',
    ]);
    expect(annotation(record.annotations, 'ebbStart')).toBe(calls === 1 ? 'cold' : 'hot');
  }
});

test.each([
  ['a thrown error', 'function main() { throw new Error("boom"); }', /^An error has occurred: Error: boom/],
  ['no function', 'const nothing = 1;', /^Initialization has failed due to: /],
  ['a string', 'function main() { return "text"; }', /^The action did not return a dictionary/],
  ['process.exit', 'function main() { process.exit(0); }', /^The action did not produce a valid response and exited/],
  ['process.exit in init', 'process.exit(1);', /^The action did not initialize and exited unexpectedly\.$/],
  ['process.abort', 'function main() { process.abort(); }', /^The action did not produce a valid response and exited/],
])('%s costs that activation only', async (_what, bad, error) => {
  const name = define(bad);
  const { activation, record } = await invoke(name);
  expect(activation?.response.statusCode).toBe(2);
  expect(activation?.response.result).toEqual({ error: expect.stringMatching(error) });
  expect(record.logs.at(-1)).toContain('The action did not initialize or run as expected.');
  expect((await invoke(define('function main() { return {}; }'))).activation?.response.statusCode).toBe(0);
});

test('an endless loop ends at its time limit', async () => {
  const name = define('function main() { console.log("before"); while (true) {} }', { timeout: 500 });
  const { activation, record } = await invoke(name);
  expect(activation?.response).toEqual({
    statusCode: 2,
    result: { error: 'The action exceeded its time limits of 500 milliseconds.' },
  });
  expect(annotation(record.annotations, 'timeout')).toBe(true);
  await until(() => fixture.invoker.status().pool.vms.every((vm) => vm.state === 'idle'), 'its VM is gone');
});

test('a rejected promise is an application error and keeps its VM', async () => {
  const name = define('function main() { return Promise.reject({ code: 7 }); }');
  expect((await invoke(name)).activation?.response).toMatchObject({ statusCode: 1, result: { error: { code: 7 } } });
  expect(annotation((await invoke(name)).record.annotations, 'ebbStart')).toBe('hot');
});

test('much log is cut at the limit, and the next activation starts anew', async () => {
  const name = define(
    'function main({ lines }) { const line = "x".repeat(1023); for (let i = 0; i < lines; i += 1) console.log(line); return {}; }',
    { logs: 1, timeout: 60_000 },
  );
  const { record } = await invoke(name, { lines: 20_000 });
  expect(record.response.statusCode).toBe(0);
  expect(record.logs.at(-1)).toContain('Logs were truncated because the total bytes size exceeds the limit of 1048576');
  expect(record.logs.length).toBeLessThan(1100);
  expect((await invoke(name, { lines: 3 })).record.logs).toHaveLength(3);
});

test('a result of 5 MB is an error of the action', async () => {
  const name = define('function main() { return { text: "y".repeat(5 * 1024 * 1024) }; }');
  const { record } = await invoke(name);
  expect(record.response.statusCode).toBe(1);
  expect(record.response.result).toEqual({
    error: expect.stringMatching(
      /^The action produced a response that exceeded the allowed length: 5242891 > 1048576 bytes\./,
    ),
  });
});

test('forged sentinels neither end the logs nor the activation', async () => {
  const sentinel = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX';
  const name = define(
    `function main() { console.log('${sentinel}'); console.error('${sentinel}'); console.log('after'); return {}; }`,
  );
  for (let round = 0; round < 2; round += 1) {
    expect((await invoke(name)).record.logs.map((line) => line.slice(31))).toEqual(['stdout: after']);
  }
});

test('concurrent activations share a guest that allows it', async () => {
  const name = define(
    `let active = 0; let most = 0;
     async function main() { active += 1; most = Math.max(most, active); await new Promise((r) => setTimeout(r, 300)); active -= 1; return { most }; }`,
    { concurrency: 4 },
  );
  await invoke(name);
  const results = await Promise.all([1, 2, 3, 4].map(() => invoke(name)));
  expect(results.map(({ activation }) => activation?.response.result)).toContainEqual({ most: 4 });
  expect(fixture.invoker.status().pool.vms.filter((vm) => vm.action.endsWith(name))).toHaveLength(1);
});

test('a result has its numbers as the guest spelled them', async () => {
  const name = define('function main(args) { return { sum: args.a + 1, big: 2 ** 53, small: 1e-7 }; }');
  const { record } = await invoke(name, { a: 1 });
  expect(fixture.recordTexts.find((text) => text.includes(record.activationId))).toContain(
    '"result":{"sum":2,"big":9007199254740992,"small":1e-7}',
  );
});
