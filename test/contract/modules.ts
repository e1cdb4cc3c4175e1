/** ES modules, which the stock runtime refuses, and the packages that actions may require without bringing them. */

import { tarGz, zip } from '@ebbwhisk/action-runtime/testing/archives';
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

const versions = {
  openwhisk: '3.21.9',
  express: '4.20.0',
  'serialize-error': '9.1.0',
  redis: '4.0.4',
  uuid: '8.3.2',
} as const;

export function moduleContract(open: OpenSession): void {
  describe('ES module text', () => {
    it.each([
      ['an exported function', 'export function main(a) { return { got: a.x } }'],
      ['an exported constant', 'export const main = async (a) => ({ got: a.x });'],
      ['an export clause', 'function f(a) { return { got: a.x } }\nexport { f as main };'],
      ['a default export', 'export default function (a) { return { got: a.x } }'],
      ['a default export of an object', 'export default { main: (a) => ({ got: a.x }) };'],
      [
        'imports and a main that is not exported',
        "import { join } from 'node:path';\nfunction main(a) { return { got: a.x, _: void join } }",
      ],
      ['import.meta', 'const main = (a) => ({ got: import.meta.url ? a.x : "" })'],
      [
        'top-level await',
        "const { default: os } = await import('node:os');\nfunction main(a) { return { got: os && a.x } }",
      ],
    ])('with %s', async (_, code) => {
      await using session = await open();
      expect(await session.init(code)).toMatchObject({ status: 200 });
      expect((await session.run({ x: 'y' })).json).toEqual({ got: 'y' });
      expect(await session.lines('stderr')).toEqual([]);
    });

    it('with another name of main', async () => {
      await using session = await open();
      await session.init('export const niam = () => ({ ok: 1 })', { main: 'niam' });
      expect((await session.run()).json).toEqual({ ok: 1 });
    });

    it('is evaluated once', async () => {
      await using session = await open();
      await session.init('export default () => ({ n: globalThis.n });\nglobalThis.n = (globalThis.n ?? 0) + 1;');
      expect((await session.run()).json).toEqual({ n: 1 });
    });

    it.each([
      ['a syntax error', 'export function main( {', /SyntaxError/],
      [
        'a missing package',
        "import x from 'no-such-package-at-all';\nexport const main = () => x;",
        /no-such-package-at-all/,
      ],
      ['a throw', 'export const main = () => ({});\nthrow new Error("at load")', /Error: at load/],
      ['no main', 'export const other = 1;', /Action entrypoint 'main' is not a function/],
      [
        'an await that is a mistake in a script',
        'const f = 1; function main() { await f; }',
        /await is only valid in async functions/,
      ],
    ])('with %s fails to initialise', async (_, code, error) => {
      await using session = await open();
      expect(await session.init(code)).toMatchObject({ status: 502, json: { error: expect.stringMatching(error) } });
      expect(await session.sentinels('stderr')).toBe(1);
    });
  });

  describe('ES module archives', () => {
    const code = "import { x } from './lib/x.js';\nexport const main = () => ({ x });";

    it.each([
      [
        '"type": "module"',
        { 'package.json': '{"type":"module"}', 'index.js': code, 'lib/x.js': 'export const x = 1;' },
        'main',
      ],
      [
        '"type": "module" with "main"',
        {
          'package.json': '{"type":"module","main":"lib/start.js"}',
          'lib/start.js': code.replace('./lib', '.'),
          'lib/x.js': 'export const x = 1;',
        },
        'main',
      ],
      ['index.mjs', { 'index.mjs': code, 'lib/x.js': 'exports.x = 1;' }, 'main'],
      [
        'a file of another name',
        { 'other.mjs': code.replace('main', 'niam'), 'lib/x.js': 'exports.x = 1;' },
        'other.niam',
      ],
      [
        'a default export',
        { 'package.json': '{"type":"module"}', 'index.js': 'export default () => ({ x: 1 });' },
        'main',
      ],
      [
        'top-level await',
        { 'package.json': '{"type":"module"}', 'index.js': 'const x = await 1; export const main = () => ({ x });' },
        'main',
      ],
      ['module syntax without a type', { 'index.js': 'export const main = () => ({ x: 1 });' }, 'main'],
    ])('%s', async (_, files, main) => {
      await using session = await open();
      expect(await session.initArchive(zip(Object.entries(files)), main)).toMatchObject({ status: 200 });
      expect((await session.run()).json).toEqual({ x: 1 });
    });
  });

  describe('bundled packages', () => {
    const names = Object.keys(versions);

    it('can be required by text', async () => {
      await using session = await open();
      await session.init(`function main() {
        return Object.fromEntries(${JSON.stringify(names)}.map((name) => [name, typeof require(name)]));
      }`);
      expect((await session.run()).json).toMatchObject({
        openwhisk: 'function',
        express: 'function',
        redis: 'object',
        uuid: 'object',
      });
    });

    it('have the versions of the stock runtime', async () => {
      await using session = await open();
      await session.init(`const fs = require('fs'), path = require('path');
        function main() {
          return Object.fromEntries(${JSON.stringify(names)}.map((name) => {
            const place = require.resolve.paths(name).map((p) => path.join(p, name, 'package.json')).find(fs.existsSync);
            return [name, JSON.parse(fs.readFileSync(place, 'utf8')).version];
          }));
        }`);
      expect((await session.run()).json).toEqual(versions);
    });

    it('can be imported by an ES module text', async () => {
      await using session = await open();
      const imports = names.map((name, n) => `import * as p${n} from '${name}';`).join('\n');
      await session.init(`${imports}\nexport const main = () => ({ n: [${names.map((_, n) => `p${n}`)}].length });`);
      expect((await session.run()).json).toEqual({ n: names.length });
    });

    it.each([
      ['a zip', zip],
      ['a tar.gz', tarGz],
    ] as const)('can be required by %s', async (_, pack) => {
      await using session = await open();
      await session.initArchive(
        pack([
          [
            'index.js',
            `for (const name of ${JSON.stringify(names)}) require(name);
          exports.main = () => ({ id: require('uuid').v4().length })`,
          ],
        ]),
      );
      expect((await session.run()).json).toEqual({ id: 36 });
    });

    it('give way to those of the archive', async () => {
      await using session = await open();
      await session.initArchive(
        zip([
          ['index.js', "exports.main = () => ({ uuid: require('uuid').mine, express: typeof require('express') })"],
          ['node_modules/uuid/package.json', '{"name":"uuid","version":"0.0.0","main":"u.js"}'],
          ['node_modules/uuid/u.js', 'exports.mine = "own"'],
        ]),
      );
      expect((await session.run()).json).toEqual({ uuid: 'own', express: 'function' });
    });

    it('work: an express server inside of the VM', async () => {
      await using session = await open();
      await session.init(`
        const app = require('express')();
        app.get('/x', (request, response) => response.json({ served: true }));
        async function main() {
          const server = await new Promise((done) => { const s = app.listen(0, '127.0.0.1', () => done(s)) });
          const reply = await (await fetch('http://127.0.0.1:' + server.address().port + '/x')).json();
          await new Promise((done) => { server.close(done); server.closeAllConnections() });
          return reply;
        }`);
      expect((await session.run()).json).toEqual({ served: true });
    });
  });
}
