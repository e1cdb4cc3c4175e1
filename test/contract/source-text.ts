/** Actions of plain text: how `main` is found, what it gets, what it may give back. */
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

export function sourceTextContract(open: OpenSession): void {
  describe('finds main', () => {
    it.each([
      ['a function', 'function main(a) { return { got: a.x } }'],
      ['a constant', 'const main = (a) => ({ got: a.x })'],
      ['an undeclared variable', 'main = (a) => ({ got: a.x })'],
      ['a property of the global object', 'global.main = (a) => ({ got: a.x })'],
      ['exports.main', 'exports.main = (a) => ({ got: a.x })'],
      ['module.exports.main', 'module.exports.main = (a) => ({ got: a.x })'],
      ['a new module.exports', 'module.exports = { main: (a) => ({ got: a.x }) }'],
      ['a function after a comment at the end', 'function main(a) { return { got: a.x } } // end'],
      ['a function of strict code', "'use strict';\nfunction main(a) { return { got: a.x } }"],
    ])('as %s', async (_, code) => {
      await using session = await open();
      expect(await session.init(code)).toMatchObject({ status: 200, text: '{"OK":true}' });
      expect(await session.run({ x: 'y' })).toMatchObject({ status: 200, text: '{"got":"y"}' });
      expect(await session.lines('stdout')).toEqual([]);
      expect(await session.lines('stderr')).toEqual([]);
    });

    it.each([
      ['a local function', 'function niam() { return { ok: 1 } }', 'niam'],
      ['an export', 'exports.niam = () => ({ ok: 1 })', 'niam'],
      ['a property', 'const tools = { niam: () => ({ ok: 1 }) }', 'tools.niam'],
    ])('under another name: %s', async (_, code, main) => {
      await using session = await open();
      expect((await session.init(code, { main })).status).toBe(200);
      expect((await session.run()).json).toEqual({ ok: 1 });
    });

    it('prefers the local function to an export', async () => {
      await using session = await open();
      await session.init('exports.main = () => ({ from: "exports" }); function main() { return { from: "local" } }');
      expect((await session.run()).json).toEqual({ from: 'local' });
    });
  });

  describe('results', () => {
    it.each([
      ['an object', 'return { a: [1, null, "ü☃"] }', '{"a":[1,null,"ü☃"]}'],
      ['nothing', 'return', '{}'],
      ['null', 'return null', 'null'],
      ['an array', 'return [1, { b: 2 }]', '[1,{"b":2}]'],
      ['a promise', 'return Promise.resolve({ p: 1 })', '{"p":1}'],
      ['a promise of nothing', 'return Promise.resolve()', '{}'],
      ['a late promise', 'return new Promise((done) => setTimeout(() => done({ late: 1 }), 20))', '{"late":1}'],
      ['a thenable', 'return { then: (done) => done({ t: 1 }) }', '{"t":1}'],
      ['an application error', 'return { error: "sorry" }', '{"error":"sorry"}'],
      ['a rejection with an object', 'return Promise.reject({ code: 7 })', '{"error":{"code":7}}'],
      ['a rejection with a string', 'return Promise.reject("no")', '{"error":"no"}'],
      ['a rejection with nothing', 'return Promise.reject()', '{"error":{}}'],
      ['something with toJSON', 'return { toJSON: () => ({ j: 1 }) }', '{"j":1}'],
    ])('%s', async (_, body, text) => {
      await using session = await open();
      await session.init(`function main(args) { ${body} }`);
      expect(await session.run()).toMatchObject({ status: 200, text });
      // The action lives on.
      expect(await session.run()).toMatchObject({ status: 200, text });
    });

    it('an Error, as a rejection, with name, message, stack and own properties', async () => {
      await using session = await open();
      await session.init('async function main() { throw Object.assign(new TypeError("app"), { detail: { n: 1 } }) }');
      const reply = await session.run();
      expect(reply.status).toBe(200);
      expect(reply.json).toEqual({
        error: {
          name: 'TypeError',
          message: 'app',
          detail: { n: 1 },
          stack: expect.stringContaining('TypeError: app'),
        },
      });
    });

    it('5 MB', async () => {
      await using session = await open();
      await session.init('function main({ n }) { return { text: "x".repeat(n) } }');
      const reply = await session.run({ n: 5 * 1024 * 1024 });
      expect(reply.status).toBe(200);
      expect(reply.text).toBe(`{"text":"${'x'.repeat(5 * 1024 * 1024)}"}`);
    });
  });

  describe('arguments', () => {
    it.each([
      ['an object', { a: { b: [1.5, true, null, 'ü☃\u0000'] } }],
      ['an array', [1, { a: 2 }]],
      ['a large object', { text: 'y'.repeat(1024 * 1024) }],
    ])('%s arrives unchanged', async (_, value) => {
      await using session = await open();
      await session.init('function main(args) { return args }');
      expect((await session.run(value)).json).toEqual(value);
    });

    it.each([
      ['null', { value: null }],
      ['absent', {}],
    ])('%s is an empty object', async (_, body) => {
      await using session = await open();
      await session.init('function main(args) { return { args } }');
      expect((await session.post('/run', body)).json).toEqual({ args: {} });
    });
  });

  describe('the text runs', () => {
    it('with state that lives from run to run', async () => {
      await using session = await open();
      await session.init('let n = 0; function main() { n += 1; return { n } }');
      expect((await session.run()).json).toEqual({ n: 1 });
      expect((await session.run()).json).toEqual({ n: 2 });
    });

    it('with require, dynamic import, timers and async functions', async () => {
      await using session = await open();
      await session.init(`
        const { createHash } = require('crypto');
        async function main() {
          const { join } = await import('node:path');
          await new Promise((done) => setTimeout(done, 1));
          return { hash: createHash('sha256').update('x').digest('hex').slice(0, 8), path: join('a', 'b') };
        }`);
      expect((await session.run()).json).toEqual({ hash: '2d711642', path: 'a/b' });
    });

    it('with the line numbers of the text in stack traces', async () => {
      await using session = await open();
      await session.init('function main() {\n  const x = 1;\n  throw new Error("here");\n}');
      await session.run();
      expect(await session.log('stderr')).toMatch(/at main \(.*action\.js:3:9\)/);
    });

    it('with 500 kB of source', async () => {
      await using session = await open();
      const line = '    x = " I took the one less traveled by, and that has made all the difference.";\n';
      await session.init(`function main() { let x = "";\n${line.repeat(7000)} return { message: x } }`);
      expect((await session.run()).json).toMatchObject({ message: expect.stringContaining('less traveled') });
    });

    it('in a folder where it can write', async () => {
      await using session = await open();
      await session.init(`
        const fs = require('fs'), os = require('os'), path = require('path');
        function main() {
          const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'x-')), 'f');
          fs.writeFileSync(file, 'kept');
          return { text: fs.readFileSync(file, 'utf8') };
        }`);
      expect((await session.run()).json).toEqual({ text: 'kept' });
    });
  });
}
