/** The real `wsk` against the stack: each command that the API serves today, its exit status and what it prints. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';
import { everythingZip, expectedLines, otherAction } from './actions.ts';
import { guestAuth, kind } from './client.ts';
import { type HostServer, startHostServer } from './host-server.ts';
import { suiteStack } from './suite-stack.ts';
import { findWsk, jsonIn, Wsk, wskMissing } from './wsk-tool.ts';

const command = findWsk();

if (command === undefined) {
  test('wsk drives the stack', (context) => {
    // The reporter counts skipped tests but keeps their reasons to itself.
    console.warn(`skipped: ${wskMissing}`);
    context.skip(wskMissing);
  });
} else {
  forTargets(libosTenders, ({ name, tender }) => {
    describe(`wsk, ${name}`, () => {
      let host: HostServer;
      const stack = suiteStack(async () => {
        host = await startHostServer();
        return { tender, gatewayPorts: [host.port] };
      });
      let wsk: Wsk;

      beforeAll(async () => {
        wsk = new Wsk(command);
        // The very words of the line that `npm start` prints.
        await wsk.ok('property', 'set', '--apihost', stack().url, '--auth', guestAuth);
        const file = (base: string, content: string | Buffer) => writeFileSync(join(wsk.folder, base), content);
        file('hello.js', 'function main({ name }) { console.log("hello", name); return { greeting: "hi " + name }; }');
        file('hello2.js', 'function main({ name }) { return { greeting: "bye " + name }; }');
        file('other.js', otherAction);
        file('everything.zip', everythingZip());
      });

      afterAll(async () => {
        wsk.remove();
        await host.close();
      });

      test('property get', async () => {
        const output = await wsk.ok('property', 'get');
        expect(output).toMatch(/^whisk namespace\s+guest$/m);
        expect(output).toMatch(/^whisk API build\s+ebbwhisk$/m);
      });

      test('action create, invoke, get, update, list, delete', async () => {
        expect(
          await wsk.ok('action', 'create', 'hello', 'hello.js', '-p', 'name', 'bound', '-m', '128', '-t', '5000'),
        ).toBe('ok: created action hello\n');
        // 409 as wsk counts it.
        const twice = await wsk.run('action', 'create', 'hello', 'hello.js');
        expect(twice).toEqual({ status: 409 - 256, output: expect.stringContaining('resource already exists') });

        expect(jsonIn(await wsk.ok('action', 'invoke', 'hello', '-r'))).toEqual({ greeting: 'hi bound' });
        expect(jsonIn(await wsk.ok('action', 'invoke', 'hello', '-r', '-p', 'name', 'ebb'))).toEqual({
          greeting: 'hi ebb',
        });
        const blocking = await wsk.ok('action', 'invoke', 'hello', '-b', '-p', 'name', '"b"');
        expect(jsonIn(blocking)).toMatchObject({
          version: '0.0.1',
          response: { success: true, result: { greeting: 'hi b' } },
        });
        expect(await wsk.ok('action', 'invoke', 'hello')).toMatch(/^ok: invoked \/_\/hello with id [0-9a-f]{32}\n$/);

        expect(jsonIn(await wsk.ok('action', 'get', 'hello'))).toMatchObject({
          name: 'hello',
          version: '0.0.1',
          exec: { kind },
          limits: { timeout: 5000, memory: 128 },
          parameters: [{ key: 'name', value: 'bound' }],
        });
        expect(await wsk.ok('action', 'update', 'hello', 'hello2.js')).toBe('ok: updated action hello\n');
        expect(jsonIn(await wsk.ok('action', 'invoke', 'hello', '-r'))).toEqual({ greeting: 'bye bound' });
        for (const list of [['action', 'list'], ['list'], ['namespace', 'get']]) {
          expect(await wsk.ok(...list)).toMatch(/^\/guest\/hello\s+private nodejs:24$/m);
        }

        expect(await wsk.ok('action', 'delete', 'hello')).toBe('ok: deleted action hello\n');
        expect(await wsk.run('action', 'get', 'hello')).toEqual({
          status: 404 - 256,
          output: expect.stringContaining('The requested resource does not exist.'),
        });
      });

      test('list and namespace get show every collection', async () => {
        for (const command of [['list'], ['namespace', 'get']]) {
          const lines = (await wsk.ok(...command)).trimEnd().split('\n');
          expect(lines.filter((line) => /^\w+$/.test(line))).toEqual(['packages', 'actions', 'triggers', 'rules']);
        }
        for (const collection of ['package', 'trigger', 'rule']) {
          expect(await wsk.ok(collection, 'list')).toBe(`${collection}s\n`);
          expect((await wsk.run(collection, 'get', 'missing')).status).toBe(404 - 256);
        }
        expect(await wsk.ok('namespace', 'list')).toBe('namespaces\nguest\n');
      });

      test('a zip with everything, and its activation', async () => {
        await wsk.ok('action', 'create', 'e2e-other', 'other.js');
        await wsk.ok(
          'action',
          'create',
          'everything',
          'everything.zip',
          '--kind',
          kind,
          '-a',
          'provide-api-key',
          'true',
        );
        const parameters = ['-p', 'port', String(host.port), '-p', 'text', 'naïve ☃', '-p', 'word', 'ebb'];
        expect(jsonIn(await wsk.ok('action', 'invoke', 'everything', '-r', ...parameters))).toMatchObject({
          inside: 'from inside: /own',
          outside: { status: 200 },
          letters: 3,
          other: { reversed: 'bbe' },
        });
        const list = () => wsk.ok('activation', 'list', 'everything');
        await expect.poll(list).toMatch(/ cold .* success guest\/everything:0\.0\.1$/m);
        const id = /[0-9a-f]{32}/.exec(await list())?.[0] ?? '';
        expect(jsonIn(await wsk.ok('activation', 'get', id))).toMatchObject({
          name: 'everything',
          response: { success: true },
        });
        const logs = (await wsk.ok('activation', 'logs', id)).trimEnd().split('\n');
        expect(logs.map((line) => line.slice(31))).toEqual(expectedLines);
        expect(jsonIn(await wsk.ok('activation', 'result', id))).toMatchObject({ letters: 3 });
        // The action that it invoked began later than itself.
        expect(jsonIn(await wsk.ok('activation', 'result', '--last'))).toEqual({ reversed: 'bbe' });
      });

      test('activation poll shows what comes while it runs', async () => {
        await wsk.ok('action', 'update', 'polled', 'hello.js');
        const polling = wsk.ok('activation', 'poll', '--exit', '5');
        await new Promise((done) => setTimeout(done, 1_000));
        await wsk.ok('action', 'invoke', 'polled', '-b', '-p', 'name', 'poller');
        const output = await polling;
        expect(output).toMatch(/^Activation: 'polled' \([0-9a-f]{32}\)$/m);
        expect(output).toContain('stdout: hello poller');
      });

      test('an error of an action is told with its status', async () => {
        writeFileSync(join(wsk.folder, 'fails.js'), 'function main() { return { error: "no luck" }; }');
        await wsk.ok('action', 'update', 'fails', 'fails.js');
        const { status, output } = await wsk.run('action', 'invoke', 'fails', '-b');
        expect(status).toBe(502 - 256);
        expect(output).toContain('no luck');
      });

      test('a wrong key is refused', async () => {
        const { status, output } = await wsk.run('--auth', `${guestAuth}x`, 'action', 'list');
        expect(status).toBe(401 - 256);
        expect(output).toContain('The supplied authentication is invalid');
      });
    });
  });
}
