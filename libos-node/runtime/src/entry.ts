/**
 * From an unpacked archive to its entry function: which file, which kind of module, which export.
 *
 * CommonJS goes through require (as in the stock runtime), ES modules through import; a CommonJS-looking file that turns out to be an ES
 * module with top-level await is imported after require refused it unevaluated.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isModuleNamespaceObject } from 'node:util/types';
import { InitError } from './errors.ts';
import { logError } from './logs.ts';

export interface MainPath {
  /** Path in the archive without extension; undefined: what package.json names, or index. */
  readonly file: string | undefined;
  readonly properties: readonly string[];
}

/** `x` is export x of the package, `file.a.b` is property b of export a of that file. */
export function splitMain(main: string): MainPath {
  const dot = main.indexOf('.');
  if (dot === -1) return { file: undefined, properties: [main] };
  if (dot === 0 || dot === main.length - 1) throw new InitError('BAD_MAIN');
  return { file: main.slice(0, dot), properties: main.slice(dot + 1).split('.') };
}

export async function loadEntry(folder: string, { file, properties }: MainPath): Promise<unknown> {
  process.chdir(folder);
  const hasPackage = existsSync('package.json');
  if (file === undefined && !hasPackage && !existsSync('index.js') && !existsSync('index.mjs'))
    throw new InitError('NO_ENTRY');
  if (hasPackage) warnOfMissingPackages(folder);
  const loaded = await load(folder, file === undefined ? folder : join(folder, file));
  return lookUp(loaded, properties);
}

/**
 * The property at `properties`. Of an ES module, the default export stands in when there is no such export: as the
 * object that has the properties, or, for the name `main`, as the function itself.
 */
export function lookUp(loaded: unknown, properties: readonly string[]): unknown {
  if (isModuleNamespaceObject(loaded)) {
    const namespace = loaded as Record<string, unknown>;
    const [first = ''] = properties;
    if (!(first in namespace) && namespace.default !== undefined) {
      const isMain = first === 'main' && properties.length === 1;
      if (isMain && typeof namespace.default === 'function') return namespace.default;
      return walk(namespace.default, properties);
    }
  }
  return walk(loaded, properties);
}

function walk(start: unknown, properties: readonly string[]): unknown {
  // A missing step throws V8's own TypeError, which says what is undefined.
  return properties.reduce<unknown>((value, property) => (value as Record<string, unknown>)[property], start);
}

async function load(folder: string, target: string): Promise<unknown> {
  const require = createRequire(join(folder, 'index.js'));
  const file = resolve(require, target);
  if (isModuleFile(folder, file)) return import(pathToFileURL(file).href);
  try {
    return require(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return import(pathToFileURL(file).href);
  }
}

/** As require.resolve, which does not try .mjs by itself. */
function resolve(require: NodeJS.Require, target: string): string {
  try {
    return require.resolve(target);
  } catch (error) {
    const found = [`${target}.mjs`, join(target, 'index.mjs')].find((file) => existsSync(file));
    if (found === undefined) throw error;
    return found;
  }
}

function isModuleFile(folder: string, file: string): boolean {
  const extension = extname(file);
  if (extension === '.mjs') return true;
  if (extension !== '.js') return false;
  for (let parent = dirname(file); parent.startsWith(folder); parent = dirname(parent)) {
    const description = readPackage(parent);
    if (description !== undefined) return description.type === 'module';
  }
  return false;
}

/** The stock runtime starts `npm install` here; there is no package manager and no child process in a guest. */
function warnOfMissingPackages(folder: string): void {
  if (existsSync(join(folder, 'node_modules'))) return;
  const { dependencies } = readPackage(folder) ?? {};
  if (typeof dependencies !== 'object' || dependencies === null) return;
  const require = createRequire(join(folder, 'index.js'));
  const missing = Object.keys(dependencies).filter((name) => {
    const places = require.resolve.paths(name) ?? [];
    return !places.some((place) => existsSync(join(place, name)));
  });
  if (missing.length === 0) return;
  logError(
    `Warning: package.json depends on ${missing.join(', ')}, but the archive has no node_modules. Packages are not installed during init: put node_modules into the archive.`,
  );
}

/** Undefined when there is none, or none that can be read: Node's own loader then says what is wrong with it. */
function readPackage(folder: string): { readonly type?: unknown; readonly dependencies?: unknown } | undefined {
  try {
    const description: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof description === 'object' && description !== null ? description : undefined;
  } catch {
    return undefined;
  }
}
