/**
 * `npm run fuzz`: long runs of the fuzz targets. Prints a line per target, ends with 1 upon a finding. What a run learns
 * stays in .ebbwhisk/fuzz, so that the next one goes on from there; --keep puts a minimal set of it into the repository.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { SetupError } from '../processes.mjs';
import { buildFuzzTargets, findFuzzCompiler, fuzzPackages } from '../setup/fuzz.mjs';
import { type FuzzRun, runTarget } from './run.ts';
import { reproduction, type Target, targetNames, targetOf } from './targets.ts';

const help = `npm run fuzz [-- options]: look for inputs that break a parser

  --target NAME   only this one; may be repeated (${targetNames.join(', ')})
  --cases N       inputs to try, per target (default 1000000)
  --seconds N     an end by time, per target
  --seed N        of the random choices (default 1)
  --case-seconds N  what one input may take; more on a busy machine (default 10)
  --jobs N        processes per target (default: one per core)
  --keep          afterwards, add what reaches new code to the seeds in the repository
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      cases: { type: 'string', default: '1000000' },
      seconds: { type: 'string' },
      seed: { type: 'string', default: '1' },
      'case-seconds': { type: 'string', default: '10' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const names = values.target ?? targetNames;
  const unknown = names.filter((name) => !targetNames.includes(name));
  if (unknown.length > 0) throw new SetupError(`no such target: ${unknown.join(', ')}`, 2);
  const cases = whole('cases', values.cases);
  const seconds = values.seconds === undefined ? undefined : whole('seconds', values.seconds);
  const jobs = whole('jobs', values.jobs);
  const seed = whole('seed', values.seed);
  const caseSeconds = whole('case-seconds', values['case-seconds']);

  const compiler = findFuzzCompiler();
  if (compiler === undefined)
    throw new SetupError(`clang with libFuzzer is missing: sudo apt-get install ${fuzzPackages.join(' ')}`);
  await buildFuzzTargets(compiler);

  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  let found = false;
  row('target', 'cases', 'cases/s', 'coverage', 'findings', 'seconds');
  for (const name of names) {
    const target = targetOf(name);
    const runs = await Promise.all(
      Array.from({ length: jobs }, (_, job) =>
        runTarget(
          target,
          {
            cases: Math.ceil(cases / jobs),
            ...(seconds === undefined ? {} : { seconds }),
            seed: seed + job,
            caseSeconds,
            corpora: [target.corpus, target.seeds],
          },
          interruption.signal,
        ),
      ),
    );
    found = report(target, runs) || found;
    if (interruption.signal.aborted) return 130;
    if (values.keep) keep(target);
  }
  return found ? 1 : 0;
}

/** @returns whether something was found */
function report(target: Target, runs: readonly FuzzRun[]): boolean {
  const cases = runs.reduce((sum, run) => sum + run.cases, 0);
  const seconds = Math.max(...runs.map((run) => run.seconds));
  const coverage = Math.max(...runs.map((run) => run.coverage));
  const findings = [...new Set(runs.flatMap((run) => run.findings))];
  const broken = runs.filter((run) => run.complaint.length > 0);
  row(
    target.name,
    cases,
    Math.round(cases / seconds),
    coverage,
    Math.max(findings.length, broken.length),
    seconds.toFixed(0),
  );
  for (const { complaint } of broken) process.stdout.write(`${complaint.join('\n')}\n`);
  for (const file of findings) process.stdout.write(`reproduce: ${reproduction(target, file)}\n`);
  return broken.length > 0;
}

/** libFuzzer copies the fewest inputs that reach what the seeds do not. */
function keep(target: Target): void {
  const { status } = spawnSync(target.binary, [...target.options, '-merge=1', target.seeds, target.corpus], {
    stdio: 'ignore',
  });
  if (status !== 0) throw new SetupError(`merging the corpus of ${target.name} failed`);
}

function row(...[name, ...numbers]: readonly (string | number)[]): void {
  process.stdout.write(`${String(name).padEnd(16)}${numbers.map((number) => String(number).padStart(11)).join('')}\n`);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new SetupError(`--${name} wants a whole number from 1 on`, 2);
  return value;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`fuzz: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
