import fs from 'node:fs';
import { builtinModules, createRequire, isBuiltin } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { tell } from '../support/tell.mjs';

const here = (name) => pathToFileURL(path.resolve(name)).href;
const write = (name, text) => {
  fs.mkdirSync(path.dirname(name), { recursive: true });
  fs.writeFileSync(name, text);
};
write('data.json', '{"a": [1, 2]}');
write(
  'a.mjs',
  'import { b } from "./b.mjs"; export const a = () => "a" + b(); export default 5; export { b as renamed };',
);
write('b.mjs', 'import { a } from "./a.mjs"; export const b = () => "b" + typeof a;');
write('c.cjs', 'exports.named = 1; exports.other = 2; module.exports.computed = 3;');
write('tla.mjs', 'export const value = await new Promise((r) => setTimeout(r, 2, "awaited"));');
write('throws.mjs', 'throw new RangeError("at load");');
write('syntax.mjs', 'export const = 1;');
write('missing.mjs', 'import { nothing } from "./b.mjs";');
write(
  'node_modules/pkg/package.json',
  JSON.stringify({
    name: 'pkg',
    exports: { '.': { import: './i.mjs', require: './r.cjs' }, './sub/*': './lib/*.mjs', './closed': null },
    imports: { '#inner': './i.mjs' },
  }),
);
write('node_modules/pkg/i.mjs', 'export default "imported"; export const kind = import.meta.url.split("/").pop();');
write('node_modules/pkg/r.cjs', 'module.exports = "required"');
write('node_modules/pkg/lib/x.mjs', 'import inner from "#inner"; export default "sub " + inner;');
write(
  'user.mjs',
  'export { default, kind } from "pkg"; export { default as sub } from "pkg/sub/x"; export const closed = await import("pkg/closed").catch((e) => e.code); export const nowhere = await import("nowhere").catch((e) => e.code);',
);
write(
  'wasm.mjs',
  'export const meta = { dirname: typeof import.meta.dirname, filename: typeof import.meta.filename, resolve: import.meta.resolve("node:fs"), main: import.meta.main };',
);
await tell('cycle', async () => {
  const module = await import(here('a.mjs'));
  return [module.a(), module.default, Object.keys(module)];
});
await tell('json', async () => (await import(here('data.json'), { with: { type: 'json' } })).default);
await tell('json without a type', async () => import(here('data.json')).catch((error) => error.code));
await tell('CommonJS', async () => {
  const module = await import(here('c.cjs'));
  return [module.named, module.default.computed];
});
await tell('top-level await', async () => (await import(here('tla.mjs'))).value);
await tell('throws', () => import(here('throws.mjs')));
await tell('throws again, the same', async () => {
  const [first, second] = await Promise.all([1, 2].map(() => import(here('throws.mjs')).catch((error) => error)));
  return first === second;
});
await tell('syntax error', () => import(here('syntax.mjs')).catch(({ name, message }) => [name, message]));
await tell('missing export', () => import(here('missing.mjs')).catch(({ name, message }) => [name, message]));
await tell('missing file', () => import(here('nope.mjs')).catch(({ code }) => code));
await tell('packages', async () => {
  const { default: value, kind, sub, closed, nowhere } = await import(here('user.mjs'));
  return [value, kind, sub, closed, nowhere, createRequire(path.resolve('x.js'))('pkg')];
});
await tell('import.meta', async () => (await import(here('wasm.mjs'))).meta);
await tell('data URL', async () => (await import('data:text/javascript,export default 42')).default);
await tell(
  'query makes another instance',
  async () => (await import(`${here('b.mjs')}?x`)) === (await import(here('b.mjs'))),
);
await tell('node: only', async () => [isBuiltin('node:test'), isBuiltin('test'), builtinModules.includes('fs')]);
await tell('builtins', () => builtinModules.filter((name) => !name.startsWith('_')).join(' '));
await tell('unknown builtin', () => import('node:nope').catch(({ code }) => code));
