import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { toCommonJs } from './common-js.ts';
import { runtimeSources } from './layout.ts';

/** Runs converted source with these modules to require. */
function load(source: string, modules: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const exports: Record<string, unknown> = {};
  const run = new Script(`(function (exports, require) { ${toCommonJs(source)}\n})`).runInThisContext() as (
    exports: object,
    require: (name: string) => unknown,
  ) => void;
  run(exports, (name) => {
    if (!(name in modules)) throw new Error(`required ${name}`);
    return modules[name];
  });
  return exports;
}

describe('toCommonJs', () => {
  it('turns imports into requires of the built files', () => {
    const source = [
      "import type { Never } from './types.ts';",
      "import {\n  a,\n  b as c,\n  type D,\n} from './x.ts';",
      "import * as all from './folder/y.ts';",
      'export const sum: number = a + c + all.z;',
      "export function later(): D { return require('./z.ts') as D; }",
    ].join('\n');
    const exports = load(source, { './x.js': { a: 1, b: 2 }, './folder/y.js': { z: 4 }, './z.js': 'lazy' });
    expect(exports.sum).toBe(7);
    expect((exports.later as () => unknown)()).toBe('lazy');
  });

  it('exports constants, functions, async functions and classes', () => {
    const source =
      'export const a = 1;\nexport function b() {}\nexport async function c() {}\nexport class D {}\nconst e = 5;';
    expect(Object.keys(load(source))).toEqual(['a', 'b', 'c', 'D']);
  });

  it('is strict code, and keeps line numbers', () => {
    const source =
      "import { a } from 'x';\n\nexport const strict = (function (this: unknown) { return this === undefined; })();";
    expect(load(source, { x: {} }).strict).toBe(true);
    expect(toCommonJs(source).split('\n')[2]).toContain('const strict');
  });

  it.each([
    ['export default 1;'],
    ["export * from './x.ts';"],
    ['export { a };'],
    ["import './x.ts';"],
    ["import a from './x.ts';"],
    ['export let a = 1;'],
  ])('refuses %j', (source) => {
    expect(() => toCommonJs(source)).toThrow(SyntaxError);
  });

  it('takes every source of the runtime', () => {
    const sources = runtimeSources().filter(({ from }) => from.endsWith('.ts'));
    expect(sources.length).toBeGreaterThan(5);
    for (const { from } of sources) expect(() => new Script(toCommonJs(readFileSync(from, 'utf8')))).not.toThrow();
  });
});
