/** `npm run loadgen`. stdout carries the result alone, stderr progress and errors. Exit status: 0, 1 when something failed, 2 for a bad command line. */

import { errorText } from './errors.ts';
import { report } from './html/cli.ts';
import { machine } from './machine.ts';
import { CommandLineExit, type LoadOptions, parseOptions } from './options.ts';
import { jsonLine, text } from './report.ts';
import { hasFailed, isMixed, type Result } from './result.ts';
import type { RunOptions } from './runner.ts';
import { checkSavable, save } from './saved/save.ts';
import { abortOnSignals } from './signals.ts';

async function main(argv: readonly string[]): Promise<number> {
  let options: LoadOptions;
  try {
    options = parseOptions(argv);
  } catch (error) {
    if (error instanceof CommandLineExit) return error.exitCode;
    throw error;
  }
  try {
    if (options.save !== undefined) await checkSavable(options.save);
    const facts = machine();
    const result = await measured(options);
    for (const each of result.errorTexts) process.stderr.write(`error: ${each}\n`);
    if (options.json) {
      process.stdout.write(`${jsonLine(options, result)}\n`);
      // Its line has no room for it, and whoever reads that line relies on its names.
      if (isMixed(result)) process.stderr.write(text(options, result));
    } else {
      process.stdout.write(text(options, result));
    }
    if (options.save !== undefined) await save(options.save, options, facts, result);
    return hasFailed(result) ? 1 : 0;
  } catch (error) {
    process.stderr.write(`error: ${errorText(error)}\n`);
    return 1;
  }
}

async function measured(options: LoadOptions): Promise<Result> {
  const { mode, via, count, duration, concurrency } = options;
  const run: RunOptions = {
    count,
    ...(duration === undefined ? {} : { durationMs: duration * 1000 }),
    concurrency,
    signal: abortOnSignals(),
    // The mixed load tells its footprints instead.
    ...(mode === 'mixed'
      ? {}
      : { onProgress: (done, errors) => process.stderr.write(`${done} of ${count}, ${errors} errors\n`) }),
  };
  // On demand: they need the native parts, or much of the stack.
  if (via === 'vm') return (await import('./vm/via-vm.ts')).viaVm(options, run);
  return (await import('./api/via-api.ts')).viaApi(options, run);
}

const [first, ...rest] = process.argv.slice(2);
process.exitCode = first === 'report' ? await report(rest) : await main(process.argv.slice(2));
