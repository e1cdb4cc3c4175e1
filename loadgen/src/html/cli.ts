/** `npm run loadgen -- report`: a page of saved results. Exit status: 0, 1 when a file cannot be read or written, 2 for a bad command line. */

import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { errorText, LoadError } from '../errors.ts';
import { CommandLineExit, option, run } from '../options.ts';
import { readSaved } from '../saved/read.ts';
import type { SavedRun } from '../saved/run.ts';
import { page } from './page.ts';

/** More is not readable, and no machine's memory is asked for it. */
const kMostRuns = 32;

export async function report(argv: readonly string[], stderr: NodeJS.WritableStream = process.stderr): Promise<number> {
  const command = new Command('npm run loadgen -- report')
    .description('Makes one self-contained HTML page of results that --save wrote; ratios are to the first one.')
    .argument('<file...>', 'saved results')
    .addOption(option('--out <file>', 'the page').default('report.html'));
  try {
    const { out } = run<{ out: string }>(command, argv, stderr);
    const runs: SavedRun[] = [];
    if (command.args.length > kMostRuns) {
      stderr.write(`error: at most ${kMostRuns} results in a page\n`);
      return 2;
    }
    for (const path of command.args) runs.push(await readSaved(path));
    await writeFile(out, page(runs)).catch((error: unknown) => {
      throw new LoadError('SAVE_FAILED', errorText(error), { cause: error });
    });
    process.stdout.write(`${out}\n`);
    return 0;
  } catch (error) {
    if (error instanceof CommandLineExit) return error.exitCode;
    stderr.write(`error: ${errorText(error)}\n`);
    return 1;
  }
}
