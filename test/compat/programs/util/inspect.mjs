import assert from 'node:assert';
import querystring from 'node:querystring';
import url from 'node:url';
import util from 'node:util';
import { tell } from '../support/tell.mjs';

class Point {
  #hidden = 1;
  x = 1;
  get y() {
    return this.#hidden;
  }
}
const cyclic = { name: 'cyclic' };
cyclic.self = cyclic;
await tell('inspect', () =>
  util.inspect(
    [
      new Point(),
      cyclic,
      new Map([[{}, 1]]),
      new Set([[1]]),
      Symbol('s'),
      5n,
      -0,
      [, 1],
      /x/g,
      new Date(0),
      null,
      undefined,
      function named() {},
      class A extends Point {},
      new WeakMap(),
      new Proxy({}, {}),
      new Uint8Array(3),
      Object.create(null),
    ],
    { depth: 3, compact: false },
  ),
);
await tell('options', () => [
  util.inspect({ a: { b: { c: {} } } }, { depth: 0 }),
  util.inspect('a\n\'"`'),
  util.inspect({ a: 1 }, { colors: true }),
  util.inspect([...Array(150).keys()]).length,
  util.inspect(new Point(), { getters: true, showHidden: true }),
]);
await tell('format', () =>
  util.format('%s %d %i %f %j %o %O %c %% %x', 'a', 1.5, 2.7, '3.1', { a: 1 }, [1], { b: {} }, 'css', 'rest'),
);
await tell('custom', () =>
  util.inspect({ [util.inspect.custom]: (depth, options) => `custom ${typeof depth} ${typeof options.stylize}` }),
);
await tell('promisify', async () => util.promisify((value, done) => done(null, value * 2))(4));
await tell(
  'callbackify',
  () => new Promise((resolve) => util.callbackify(async () => 'value')((error, value) => resolve([error, value]))),
);
await tell('deep equality', () => [
  util.isDeepStrictEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]])),
  util.isDeepStrictEqual([0], [-0]),
]);
await tell('types', () => [
  util.types.isProxy(new Proxy({}, {})),
  util.types.isExternal({}),
  util.types.isAsyncFunction(async () => {}),
  util.types.isGeneratorFunction(function* () {}),
]);
await tell('parseArgs', () =>
  util.parseArgs({
    args: ['-f', '--bar', 'b', 'pos'],
    options: { foo: { type: 'boolean', short: 'f' }, bar: { type: 'string' } },
    allowPositionals: true,
  }),
);
await tell('stripVTControlCharacters', () => util.stripVTControlCharacters('\u001b[31mred\u001b[0m'));
await tell('styleText', () => util.styleText?.('red', 'x', { validateStream: false }) ?? 'absent');
await tell('debuglog', () => util.debuglog('compat').enabled);
await tell('deprecate', () => util.deprecate(() => 'still works', 'old', 'DEP_COMPAT')());
await tell('errors', () => [
  util.getSystemErrorName(-2),
  util.getSystemErrorMap().size > 70,
  util.getSystemErrorMessage?.(-13) ?? 'absent',
]);
await tell('MIMEType', () => String(new util.MIMEType('text/html; charset=utf-8')));
await tell('parseEnv', () => util.parseEnv?.('A=1\nB="two words" # c') ?? 'absent');
await tell('assert', () => {
  try {
    assert.deepStrictEqual({ a: 1, b: [1, 2] }, { a: 1, b: [1, 3] });
  } catch (error) {
    return error.message;
  }
});
await tell('assert.throws', () =>
  assert.throws(() => {
    throw new Error('x');
  }, /y/),
);
await tell('URL', () => [
  new URL('../b?x=1#h', 'http://user:pw@host:81/a/c').href,
  new URL('http://münchen.de/ä b').href,
  URL.canParse('nope'),
  url.fileURLToPath('file:///a%20b'),
  url.pathToFileURL('/a#b').href,
  url.format({ protocol: 'http', host: 'h' }),
]);
await tell('bad URL', () => new URL('http://'));
await tell('URLSearchParams', () => [...new URLSearchParams('a=1&b=%20&a=2&c')].join('|'));
await tell('querystring', () => [querystring.parse('a=1&a=2&b=%C3%A9'), querystring.stringify({ a: [1, 2], b: 'é' })]);
await tell('domainTo', () => [url.domainToASCII('español.com'), url.domainToUnicode('xn--espaol-zwa.com')]);
await tell('stack', () => {
  const lines = new Error('where').stack.split('\n');
  return [lines[0], lines[1].includes('inspect.mjs')];
});
await tell('callsites', () => typeof util.getCallSites);
await tell('stackTraceLimit', () => {
  Error.stackTraceLimit = 2;
  const lines = new Error('x').stack.split('\n').length;
  Error.stackTraceLimit = 10;
  return lines;
});
