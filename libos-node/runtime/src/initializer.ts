/** Turns the code of /init into the function to call: source text, or an archive that is unpacked into a folder of its own. */
import { InitError } from './errors.ts';
import type { Handler } from './runner.ts';

export interface ActionCode {
  /** A function's name; for text any expression, for archives `[file.]property[.property]`. */
  readonly main: string;
  /** Source text, or the base64 text of a zip or tar.gz archive. */
  readonly code: string;
  readonly binary: boolean;
  /** Stop where the code begins. */
  readonly debug: boolean;
}

export async function initialize({ main, code, binary, debug }: ActionCode): Promise<Handler> {
  const entry = binary ? await loadArchive(code, main, debug) : await loadText(code, main, debug);
  if (typeof entry !== 'function') throw new InitError('NOT_A_FUNCTION', `'${main}' is not a function.`);
  return entry as Handler;
}

// require() at the moment of need: an action of source text never pays for the archive readers, nor the other way round.

function loadText(code: string, main: string, debug: boolean): Promise<unknown> {
  const { evaluateText } = require('./source-text.ts') as typeof import('./source-text.ts');
  return evaluateText(code, main, debug);
}

async function loadArchive(base64: string, main: string, debug: boolean): Promise<unknown> {
  const { splitMain, loadEntry } = require('./entry.ts') as typeof import('./entry.ts');
  const { makeWorkFolder } = require('./work-folder.ts') as typeof import('./work-folder.ts');
  const { unpackArchive } = require('./archive/unpack.ts') as typeof import('./archive/unpack.ts');
  const path = splitMain(main);
  const folder = makeWorkFolder();
  await unpackArchive(Buffer.from(base64, 'base64'), folder);
  // biome-ignore lint/suspicious/noDebugger: the files of an archive stay as they are, so this is the nearest place.
  if (debug) debugger;
  return loadEntry(folder, path);
}
