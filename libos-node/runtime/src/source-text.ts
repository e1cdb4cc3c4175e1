/**
 * An action that is one source text.
 *
 * A text is a CommonJS script first, as in the stock runtime: it is evaluated inside of a sloppy function, `main` is looked up
 * as its local name (or a global one), then in module.exports and exports. Only when V8 refuses to parse it with one of the errors
 * that module syntax causes (the same list as Node's own detection) is it taken as an ES module. So whatever
 * runs on the stock runtime runs here as the same kind of code, and nothing is guessed from names or comments.
 *
 * As an ES module, `main` is the export of that name, else a top-level binding of that name, else the default export.
 */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { constants, Script } from 'node:vm';
import { keepScript, takeCodeCache } from './code-cache.ts';
import { lookUp } from './entry.ts';
import { makeWorkFolder, runtimeFolder } from './work-folder.ts';

/** Errors that only module syntax can be the cause of. */
const moduleSyntax =
  /^(Cannot use import statement outside a module|Unexpected token 'export'|Cannot use 'import\.meta' outside a module)/;

/** Errors that top-level await causes, but a mere mistake too. */
const perhapsModuleSyntax = /^(await is only valid in async functions|Unexpected reserved word)/;

/** With `debug` a debugger stops in front of the first statement of `code`. */
export async function evaluateText(code: string, main: string, debug = false): Promise<unknown> {
  let script: Script;
  try {
    script = compile(code, main, debug);
  } catch (error) {
    const message = error instanceof SyntaxError ? error.message : '';
    if (moduleSyntax.test(message)) return importText(stopFirst(code, debug), main);
    if (!perhapsModuleSyntax.test(message)) throw error;
    return importText(stopFirst(code, debug), main).catch((other: unknown) => {
      throw other instanceof SyntaxError ? error : other;
    });
  }
  return evaluate(script);
}

const fileName = path.join(runtimeFolder, 'action.js');

/** `fs` and `path` are in the scope of the stock runtime's evaluation, by accident; actions came to use them. */
const head = '(function (exports, require, module, __filename, __dirname, fs, path) { return (function () {';

/** Outside of the function that holds the user's text, which may begin with a directive. */
const headWithStop = head.replace('return', 'debugger; return');

function compile(code: string, main: string, debug: boolean): Script {
  const before = debug ? headWithStop : head;
  const tail = `\ntry { return ${main}\n} catch (e) { if (e.name !== 'ReferenceError') throw e; return module.exports.${main} || exports.${main} } })() })`;
  const source = before + code + tail;
  const cachedData = debug ? undefined : takeCodeCache(source);
  const script = new Script(source, {
    ...(cachedData === undefined ? {} : { cachedData }),
    filename: fileName,
    // Line and column numbers of stack traces are those of the user's text.
    // To a debugger, which shows the text with what stands before it, they are what they are.
    columnOffset: debug ? 0 : -before.length,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  keepScript(script, source);
  return script;
}

function evaluate(script: Script): unknown {
  const module = { exports: {}, id: fileName, filename: fileName, loaded: false, children: [], paths: [] };
  const wrapper = script.runInThisContext() as (...parameters: unknown[]) => unknown;
  return wrapper.call(
    module.exports,
    module.exports,
    createRequire(fileName),
    module,
    fileName,
    runtimeFolder,
    fs,
    path,
  );
}

/** On the first line, so that the lines keep their numbers; an ES module needs no directive. */
function stopFirst(code: string, debug: boolean): string {
  return debug ? `debugger; ${code}` : code;
}

const exportedMain = 'ebbwhisk.main';

async function importText(code: string, main: string): Promise<unknown> {
  const folder = makeWorkFolder();
  if (isBindingName(main)) {
    // Most users do not export `main`, since a script need not. Refused before anything runs when there is no such binding.
    const file = path.join(folder, 'action.mjs');
    fs.writeFileSync(file, `${code}\nexport { ${main} as '${exportedMain}' };`);
    try {
      const namespace = await importFile(file);
      return namespace[exportedMain];
    } catch (error) {
      if (!(error instanceof SyntaxError && /^Export '.*' is not defined in module/.test(error.message))) throw error;
    }
  }
  const file = path.join(folder, 'module.mjs');
  fs.writeFileSync(file, code);
  return lookUp(await importFile(file), main.split('.'));
}

function isBindingName(name: string): boolean {
  if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)) return false;
  try {
    new Script(`'use strict'; let ${name};`);
    return true;
  } catch {
    return false;
  }
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
}
