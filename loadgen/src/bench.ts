/**
 * `npm run bench`: hot and cold latency of the LibOS under each tender, against plain Node as the baseline, in one run; and what cold, warm and hot
 * starts of clones cost (start-costs/).
 * `npm run bench -- compute` is a benchmark of its own (compute/), and so is `profiles` (profiles/). stdout carries the result alone. Exit status: 0, 1 when something failed, 2 for a bad command line.
 */

import { type Profile, profiles, type TenderKind } from '@ebbwhisk/libos-node';
import { Command } from 'commander';
import { compare, type Row, type Subject, type Variant } from './comparison.ts';
import { compute } from './compute/compute.ts';
import { errorText } from './errors.ts';
import { uniqueFunction } from './functions.ts';
import { isKvmThere, type Machine, machine } from './machine.ts';
import { CommandLineExit, integer, type OwnTarget, option, run } from './options.ts';
import { profiles as dial } from './profiles/profiles.ts';
import { columns, ms } from './report.ts';
import { abortOnSignals } from './signals.ts';
import { costTable } from './start-costs/measure.ts';
import { type CostTable, costTables } from './start-costs/tables.ts';
import { bootOf } from './vm/boots.ts';
import { newInstance, type VmSettings, warmInstance } from './vm/vms.ts';

interface BenchOptions {
  readonly quick: boolean;
  readonly json: boolean;
  readonly kind: string;
  readonly memory: number;
  readonly profile?: Profile;
  readonly bundle: boolean;
}

interface Benchmark {
  readonly name: string;
  readonly rounds: number;
  readonly perRound: number;
  open(settings: VmSettings, signal: AbortSignal): Promise<Subject>;
}

interface Result {
  readonly benchmark: string;
  readonly rows: readonly Row[];
}

const kWarmUps = 300;
/** Of each sort; fewer are no median. */
const kStarts = { quick: 30, full: 60 };

function tendersHere(): TenderKind[] {
  return isKvmThere() ? ['process', 'kvm'] : ['process'];
}

function benchmarks(quick: boolean): Benchmark[] {
  return [
    { name: 'hot: /run on a live VM', rounds: quick ? 3 : 10, perRound: quick ? 200 : 500, open: openHot },
    {
      name: 'cold: boot, /init of a new function, /run',
      rounds: quick ? 3 : 10,
      perRound: quick ? 1 : 3,
      open: openCold,
    },
  ];
}

async function openHot(settings: VmSettings, signal: AbortSignal): Promise<Subject> {
  const measured = uniqueFunction();
  const instance = await warmInstance(settings, signal, measured, kWarmUps);
  return {
    async sample(n) {
      const from = performance.now();
      await instance.run(measured, n);
      return performance.now() - from;
    },
    close: () => instance.end(),
  };
}

function openCold(settings: VmSettings, signal: AbortSignal): Promise<Subject> {
  return Promise.resolve({
    async sample(n) {
      const measured = uniqueFunction();
      const from = performance.now();
      const instance = await newInstance(settings, signal);
      try {
        await instance.init(measured);
        await instance.run(measured, n);
        return performance.now() - from;
      } finally {
        await instance.end();
      }
    },
    close: () => Promise.resolve(),
  });
}

/** The baseline first. */
async function variants(options: BenchOptions, benchmark: Benchmark, signal: AbortSignal): Promise<Variant[]> {
  const { kind, memory, profile } = options;
  const variant = async (name: string, target: OwnTarget, tender?: TenderKind): Promise<Variant> => {
    const settings: VmSettings = {
      boot: await bootOf(target),
      options: {
        kind,
        memoryMb: memory,
        ...(tender === undefined ? {} : { tender }),
        ...(tender === undefined || profile === undefined ? {} : { profile }),
      },
    };
    return { name, open: () => benchmark.open(settings, signal) };
  };
  return [
    await variant('plain Node', 'process'),
    ...(await Promise.all(tendersHere().map((tender) => variant(`LibOS, ${tender} tender`, 'libos', tender)))),
  ];
}

function report(facts: Machine, results: readonly Result[], starts: readonly CostTable[]): string {
  const { cpu, cores, memoryGb, kernel, node, virtual, kvm, load, time } = facts;
  const head = columns([
    ['machine', `${cpu}, ${cores} cores, ${memoryGb} GB${virtual ? ', itself virtual' : ''}`],
    ['system', `Linux ${kernel}, Node ${node}, /dev/kvm ${kvm ? 'usable' : 'not usable: KVM tender left out'}`],
    ['when', `${time}, load ${load}`],
  ]);
  const tables = results.map(({ benchmark, rows }) => {
    const lines = rows.map(({ name, n, errors, latencyMs, ratio, problem }) => [
      name,
      String(n),
      n === 0 ? '-' : ms(latencyMs.p50),
      n === 0 ? '-' : ms(latencyMs.p99),
      ratio === undefined ? '-' : `${ratio.toFixed(2)}x`,
      problem === undefined ? String(errors) : `${errors} (${problem})`,
    ]);
    return `\n${benchmark}\n${columns([['', 'n', 'median', 'p99', 'ratio', 'errors'], ...lines])}`;
  });
  const costs = starts.map(({ tender, rows }) => `\nstarts of clones, ${tender} tender\n${costTable(rows)}`);
  return [head, ...tables, ...costs].join('');
}

async function main(argv: readonly string[]): Promise<number> {
  const command = new Command('npm run bench --')
    .description('Compares the LibOS under each tender with plain Node, taking turns in one run.')
    .addHelpText(
      'after',
      '\nnpm run bench -- compute --help: programs that compute, instead of starts and invocations\nnpm run bench -- profiles --help: image profiles compared',
    )
    .addOption(option('--quick', 'fewer samples: a minute instead of several').default(false))
    .addOption(option('--json', 'one line of JSON on stdout').default(false))
    .addOption(option('--kind <kind>', 'action kind').default('nodejs:24'))
    .addOption(option('--memory <MB>', 'memory limit of a VM').default(256).argParser(integer(128, 65_536)))
    .addOption(option('--profile <profile>', 'image profile').choices(profiles))
    .addOption(option('--bundle', 'also starts of an action of 5 MB').default(false))
    .allowExcessArguments(false);
  let options: BenchOptions;
  try {
    options = run<BenchOptions>(command, argv, process.stderr);
  } catch (error) {
    if (error instanceof CommandLineExit) return error.exitCode;
    throw error;
  }
  const signal = abortOnSignals();
  const facts = machine();
  const results: Result[] = [];
  let starts: CostTable[] = [];
  try {
    for (const benchmark of benchmarks(options.quick)) {
      process.stderr.write(`${benchmark.name} ...\n`);
      const { rounds, perRound } = benchmark;
      const rows = await compare(await variants(options, benchmark, signal), { rounds, perRound, signal });
      results.push({ benchmark: benchmark.name, rows });
    }
    process.stderr.write('starts of clones ...\n');
    const { kind, memory: memoryMb, profile, bundle, quick } = options;
    starts = await costTables({
      tenders: tendersHere(),
      kind,
      memoryMb,
      ...(profile === undefined ? {} : { profile }),
      bundle,
      count: quick ? kStarts.quick : kStarts.full,
      signal,
    });
  } catch (error) {
    process.stderr.write(`error: ${errorText(error)}\n`);
    return 1;
  }
  process.stdout.write(
    options.json ? `${JSON.stringify({ machine: facts, results, starts })}\n` : report(facts, results, starts),
  );
  return [...results, ...starts].every(({ rows }) => rows.every(({ problem }) => problem === undefined)) ? 0 : 1;
}

const [name, ...rest] = process.argv.slice(2);
if (name === 'compute') process.exitCode = await compute(rest);
else if (name === 'profiles') process.exitCode = await dial(rest);
else process.exitCode = await main(process.argv.slice(2));
