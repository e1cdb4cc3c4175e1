/** Every error of the contract: status, text, what is logged, what may come after. */
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

const echo = 'function main(args) { return args }';

export function errorContract(open: OpenSession): void {
  describe('/init', () => {
    it.each([
      ['no main', { code: echo }],
      ['no code', { main: 'main' }],
      ['empty code', { main: 'main', code: '' }],
      ['a main that is no string', { main: 1, code: echo }],
      ['a code that is no string', { main: 'main', code: {} }],
      ['no value', undefined],
    ])('with %s is refused and may be tried again', async (_, value) => {
      await using session = await open();
      expect(await session.post('/init', { value })).toMatchObject({
        status: 403,
        json: { error: 'Missing main/no code to execute.' },
      });
      expect((await session.init(echo)).status).toBe(200);
      expect(await session.sentinels('stderr')).toBe(0);
    });

    it('a second time is refused; the action stays', async () => {
      await using session = await open();
      await session.init(echo);
      expect(await session.init('function main() { return { other: 1 } }')).toMatchObject({
        status: 403,
        json: { error: 'Cannot initialize the action more than once.' },
      });
      expect(await session.lines('stderr')).toEqual([
        'Internal system error: Cannot initialize the action more than once.',
      ]);
      expect(await session.sentinels('stderr')).toBe(0);
      expect((await session.run({ a: 1 })).json).toEqual({ a: 1 });
    });

    it('during an init is refused', async () => {
      await using session = await open();
      const code = 'export const main = () => ({ ok: 1 }); await new Promise((done) => setTimeout(done, 1500));';
      const first = session.init(code);
      await new Promise((done) => setTimeout(done, 100));
      expect(await session.init(echo)).toMatchObject({
        status: 403,
        json: { error: 'System not ready, status is starting.' },
      });
      expect(await session.run()).toMatchObject({ status: 403, json: { error: 'System not initialized.' } });
      expect((await first).status).toBe(200);
      expect((await session.run()).json).toEqual({ ok: 1 });
    });

    it.each([
      ['a syntax error', '10 PRINT "Hello"\n20 GOTO 10', /^Initialization has failed due to: .*SyntaxError: /s],
      ['a throw', 'throw new RangeError("at load")', /^Initialization has failed due to: RangeError: at load\n {4}at /],
      ['a thrown string', 'throw "plain"', /^Initialization has failed due to: plain$/],
      ['a thrown null', 'throw null', /^Initialization has failed due to: /],
      [
        'no such function',
        'function other() {}',
        /^Initialization has failed due to: Action entrypoint 'main' is not a function\.$/,
      ],
      [
        'a main that is no function',
        'const main = 5',
        /^Initialization has failed due to: Action entrypoint 'main' is not a function\.$/,
      ],
    ])('with %s fails for good', async (_, code, error) => {
      await using session = await open();
      expect(await session.init(code)).toMatchObject({ status: 502, json: { error: expect.stringMatching(error) } });
      expect((await session.lines('stderr'))[0]).toMatch(/^Error during initialization:/);
      expect(await session.sentinels('stdout')).toBe(1);
      expect(await session.sentinels('stderr')).toBe(1);
      expect(await session.init(echo)).toMatchObject({
        status: 403,
        json: { error: 'System not ready, status is stopped.' },
      });
      expect(await session.run()).toMatchObject({ status: 403, json: { error: 'System not initialized.' } });
      expect(await session.sentinels('stderr')).toBe(1);
    });
  });

  describe('/run', () => {
    it('before init is refused', async () => {
      await using session = await open();
      expect(await session.run({})).toMatchObject({ status: 403, json: { error: 'System not initialized.' } });
      expect(await session.lines('stderr')).toEqual(['Internal system error: System not initialized.']);
      expect(await session.sentinels('stderr')).toBe(0);
      expect((await session.init(echo)).status).toBe(200);
    });

    it('during a run is refused', async () => {
      await using session = await open();
      await session.init('const main = () => new Promise((done) => setTimeout(() => done({ slow: 1 }), 300))');
      const first = session.run();
      await new Promise((done) => setTimeout(done, 100));
      expect(await session.run()).toMatchObject({
        status: 403,
        json: { error: 'System not ready, status is running.' },
      });
      expect((await first).json).toEqual({ slow: 1 });
      expect((await session.run()).json).toEqual({ slow: 1 });
      expect(await session.sentinels('stdout')).toBe(2);
    });

    it.each([
      ['an Error', 'throw new Error("nooooo")', 'An error has occurred: Error: nooooo', /^Error: nooooo/],
      ['a string', 'throw "nooooo"', 'An error has occurred: nooooo', /^nooooo$/],
      [
        'a missing package',
        'require(".nosuchpackage")',
        /^An error has occurred: Error: Cannot find module '\.nosuchpackage'/,
        /Cannot find module/,
      ],
    ])('that throws %s stops the action', async (_, body, error, line) => {
      await using session = await open();
      await session.init(`function main() { ${body} }`);
      const expected = typeof error === 'string' ? error : expect.stringMatching(error);
      expect(await session.run()).toMatchObject({ status: 502, json: { error: expected } });
      expect((await session.lines('stderr'))[0]).toMatch(line);
      expect(await session.sentinels('stderr')).toBe(1);
      expect(await session.run()).toMatchObject({
        status: 403,
        json: { error: 'System not ready, status is stopped.' },
      });
    });

    it('that throws what has no text is answered all the same', async () => {
      await using session = await open();
      await session.init('function main() { throw Object.create(null) }');
      expect(await session.run()).toMatchObject({
        status: 502,
        json: { error: expect.stringContaining('An error has occurred: ') },
      });
    });

    it.each([
      ['a string', '"text"', 'Result must be of type object but has type "string": text'],
      ['a number', '5', 'Result must be of type object but has type "number": 5'],
      ['false', 'Promise.resolve(false)', 'Result must be of type object but has type "boolean": false'],
      ['a function', 'main', 'Result must be of type object but has type "function": [Function: main]'],
    ])('that returns %s is an error; the action lives on', async (_, result, line) => {
      await using session = await open();
      await session.init(`function main(args) { return args.ok ? {} : ${result} }`);
      expect(await session.run()).toMatchObject({
        status: 502,
        json: { error: 'The action did not return a dictionary.' },
      });
      expect(await session.lines('stderr')).toEqual([line]);
      expect((await session.run({ ok: true })).status).toBe(200);
      expect(await session.sentinels('stderr')).toBe(2);
    });

    it.each([
      ['a cycle', 'const a = {}; a.a = a; return a', /circular structure/],
      ['a BigInt', 'return { n: 1n }', /BigInt/],
      ['a toJSON that throws', 'return { toJSON() { throw new Error("mine") } }', /Error: mine/],
    ])('whose result JSON cannot carry (%s) is an error; the action lives on', async (_, body, error) => {
      await using session = await open();
      await session.init(`function main(args) { if (args.ok) return {}; ${body} }`);
      expect(await session.run()).toMatchObject({ status: 502, json: { error: expect.stringMatching(error) } });
      expect((await session.run({ ok: true })).status).toBe(200);
    });

    it.each([
      ['a string', 'x'],
      ['a number', 1],
      ['false', false],
    ])('with %s for an argument is refused; the action lives on', async (_, value) => {
      await using session = await open();
      await session.init(echo);
      const error = `Internal system error: the argument must be a dictionary but has type '${typeof value}'.`;
      expect(await session.run(value)).toMatchObject({ status: 403, json: { error } });
      expect(await session.sentinels('stderr')).toBe(0);
      expect((await session.run({ a: 1 })).json).toEqual({ a: 1 });
    });
  });

  describe('requests that are none of the contract', () => {
    const badRequest = { status: 500, json: { error: 'Bad request.' } };

    it('are answered with "Bad request."', async () => {
      await using session = await open();
      expect(await session.send('GET', '/init')).toMatchObject(badRequest);
      expect(await session.send('PUT', '/run', '{}')).toMatchObject(badRequest);
      expect(await session.send('POST', '/', '{}')).toMatchObject(badRequest);
      expect(await session.send('POST', '/init/x', '{}')).toMatchObject(badRequest);
      expect(await session.send('POST', '/__proto__', '{}')).toMatchObject(badRequest);
      for (const body of ['{', 'x', '"text"', '5', 'null', '{"a":1}}']) {
        expect(await session.send('POST', '/run', body)).toMatchObject(badRequest);
      }
      expect((await session.init(echo)).status).toBe(200);
      expect((await session.run({ a: 1 })).json).toEqual({ a: 1 });
    });

    it('an empty or array body is an empty message', async () => {
      await using session = await open();
      for (const body of ['', '[]']) {
        expect(await session.send('POST', '/init', body)).toMatchObject({
          status: 403,
          json: { error: 'Missing main/no code to execute.' },
        });
      }
    });

    it('a request that breaks off runs nothing', async () => {
      await using session = await open();
      await session.init('let n = 0; function main() { n += 1; return { n } }');
      const { connect } = await import('node:net');
      await new Promise<void>((resolve, reject) => {
        const socket = connect(session.vm.socketPath, () => {
          socket.write('POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"value":', () => socket.destroy());
        });
        socket.on('close', () => resolve());
        socket.on('error', reject);
      });
      expect((await session.run()).json).toEqual({ n: 1 });
    });
  });
}
