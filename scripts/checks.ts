/**
 * What is checked of the source as it lies there, in one place for `npm run lint`, `npm run format` and `npm test`.
 * Every tool comes from a locked npm package, clang-format included: its output differs between versions.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { modules, projectNode, root } from './paths.mjs';

export type Command = readonly [program: string, ...args: string[]];

export function typecheck(): Command {
  return [projectNode, join(modules, 'typescript/bin/tsc'), '--noEmit', '-p', root];
}

/** Lint rules, import order and formatting of TypeScript, JavaScript and JSON. */
export function biome(mode: 'check' | 'write'): Command {
  const program = join(modules, '@biomejs/cli-linux-x64/biome');
  return [program, 'check', '--error-on-warnings', ...(mode === 'write' ? ['--write'] : []), root];
}

/**
 * Formatting of C++.
 * @returns the files that differ from what clang-format makes of them; none in mode `write`, which mends them
 */
export function clangFormat(mode: 'check' | 'write'): readonly string[] {
  const files = globSync('{libos-node,libuv-ebb}/**/*.{h,cc,c}', {
    cwd: root,
    exclude: (name) => name === 'node_modules',
  }).sort();
  const script = join(modules, '@wasm-fmt/clang-format/clang-format-cli.cjs');
  const options = mode === 'write' ? ['-i'] : ['--dry-run', '--Werror'];
  const { status, stderr } = spawnSync(projectNode, [script, ...options, ...files], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status === 0) return [];
  const named = [...stripVTControlCharacters(stderr).matchAll(/^([^\s:]+):\d+:\d+: /gm)].map(([, file = '']) => file);
  if (named.length === 0) throw new Error(`clang-format failed: ${stderr}`);
  return [...new Set(named)];
}
