/**
 * `npm test [-- suite...]`: every suite (or those named), each to its end whatever the one before gave. The last line on
 * stdout is `N passed, N failed, N skipped`; the exit status is 1 when a test failed or none passed.
 */
import { ctest } from './ctest.ts';
import { fuzz } from './fuzz.ts';
import { sanitize } from './sanitize.ts';
import { staticChecks } from './static.ts';
import { oneFailure, type Suite } from './suite.ts';
import { type SuiteRun, summarize } from './totals.ts';
import { vitest } from './vitest.ts';

const suites: readonly Suite[] = [...staticChecks, ctest, fuzz, sanitize, vitest];
const everything = process.env.EBBWHISK_TEST_ALL === '1';
const names = suites.map(({ name }) => name).join(', ');

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`npm test [-- suite...]: run the tests; suites: ${names}\n`);
    return 0;
  }
  const unknown = args.filter((arg) => !suites.some(({ name }) => name === arg));
  if (unknown.length > 0) {
    process.stderr.write(`no such suite: ${unknown.join(', ')}; there are: ${names}\n`);
    return 2;
  }
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  const runs: SuiteRun[] = [];
  for (const suite of suites) {
    if (args.length > 0 ? !args.includes(suite.name) : suite.long === true && !everything) continue;
    process.stdout.write(`\n--- ${suite.name}\n`);
    const started = performance.now();
    const outcome = interruption.signal.aborted ? oneFailure : await suite.run(interruption.signal);
    runs.push({ name: suite.name, outcome, seconds: (performance.now() - started) / 1000 });
  }
  const { lines, exitStatus } = summarize(runs);
  process.stdout.write(`\n${lines.join('\n')}\n`);
  return exitStatus;
}

process.exitCode = await main(process.argv.slice(2));
