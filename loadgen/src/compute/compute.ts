/**
 * `npm run bench -- compute`: what a program's own work costs in a VM, row by row, against plain Node of the same
 * version on the same core. Exit status: 0, 1 when a run failed or (--check) a ratio is below its line, 2 for a bad
 * command line.
 */

import type { TenderKind } from '@ebbwhisk/libos-node';
import { Command, InvalidArgumentError } from 'commander';
import { lastCore } from '../affinity.ts';
import { errorText } from '../errors.ts';
import { isKvmThere, type Machine, machine } from '../machine.ts';
import { CommandLineExit, integer, option, run } from '../options.ts';
import { columns, ms } from '../report.ts';
import { abortOnSignals } from '../signals.ts';
import { newInstance } from '../vm/vms.ts';
import { type Contestant, contest } from './contest.ts';
import { type Figures, figuresOf, geometricMean, passLine, passLines } from './figures.ts';
import { type RowName, rowNames } from './rows.ts';

type Tender = Exclude<TenderKind, 'auto'>;

interface ComputeOptions {
  readonly tender: readonly Tender[];
  readonly rows: readonly RowName[];
  readonly rounds: number;
  readonly warmUps: number;
  readonly memory: number;
  readonly core?: number;
  readonly json: boolean;
  readonly check: boolean;
}

interface RowResult {
  readonly row: RowName;
  readonly host: Figures;
  readonly vm: Readonly<Partial<Record<Tender, Figures>>>;
}

const kKind = `nodejs:${process.versions.node.split('.')[0]}`;

function listOf<T extends string>(allowed: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((each) => {
      const found = allowed.find((name) => name === each);
      if (found === undefined) throw new InvalidArgumentError(`Allowed are ${allowed.join(', ')}.`);
      return found;
    });
}

async function contestants({ tender, memory }: ComputeOptions, signal: AbortSignal): Promise<Contestant[]> {
  // Loaded on demand, as in vm/boots.ts.
  const { bootLibos, createProcessBoot } = await import('@ebbwhisk/libos-node');
  // Plain Node with the same action runtime and with Node's default options.
  const bootHost = createProcessBoot({ nodeOptions: [] });
  const options = { kind: kKind, memoryMb: memory };
  return [
    { name: 'plain Node', open: () => newInstance({ boot: bootHost, options }, signal) },
    ...tender.map((each) => ({
      name: each,
      open: () => newInstance({ boot: bootLibos, options: { ...options, tender: each } }, signal),
    })),
  ];
}

async function measure(row: RowName, options: ComputeOptions, signal: AbortSignal): Promise<RowResult> {
  const { tender, core = lastCore(), warmUps, rounds } = options;
  const samples = await contest(row, await contestants(options, signal), { core, warmUps, rounds, signal });
  const [baseline = [], ...rest] = samples;
  const vm: Partial<Record<Tender, Figures>> = {};
  for (const [index, each] of tender.entries()) vm[each] = figuresOf(rest[index] ?? [], baseline);
  return { row, host: figuresOf(baseline, baseline), vm };
}

/** What is below its line. */
function shortfalls(results: readonly RowResult[], tenders: readonly Tender[]): string[] {
  return tenders.flatMap((tender) => {
    const ratios = results.map(({ vm }) => vm[tender]?.ratio ?? 0);
    const rows = results.filter(({ row }, index) => (ratios[index] ?? 0) < passLine(row));
    return [
      ...rows.map(({ row, vm }) => `${tender}: ${row} ${vm[tender]?.ratio.toFixed(2)} < ${passLine(row)}`),
      ...(geometricMean(ratios) < passLines.mean
        ? [`${tender}: geometric mean ${geometricMean(ratios).toFixed(3)} < ${passLines.mean}`]
        : []),
    ];
  });
}

function report(facts: Machine, results: readonly RowResult[], { tender }: ComputeOptions): string {
  const { cpu, cores, kernel, node, load, time } = facts;
  const head = columns([
    ['machine', `${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}`],
    ['when', `${time}, load ${load}; everything on one core; ratio: plain Node's median / the VM's, higher is better`],
  ]);
  const lines = results.flatMap(({ row, host, vm }) =>
    [['plain Node', host] as const, ...tender.map((each) => [each, vm[each]] as const)].flatMap(([name, figures]) =>
      figures === undefined
        ? []
        : [
            [
              name === 'plain Node' ? row : '',
              name,
              String(figures.n),
              ms(figures.ms.min),
              ms(figures.ms.median),
              ms(figures.ms.p99),
              figures.ratio.toFixed(2),
              figures.cpuRatio.toFixed(2),
              figures.bestRatio.toFixed(2),
            ],
          ],
    ),
  );
  const means = tender.map((each) => {
    const of = (key: 'ratio' | 'cpuRatio' | 'bestRatio') =>
      geometricMean(results.map(({ vm }) => vm[each]?.[key] ?? 0)).toFixed(3);
    return [`geometric mean, ${each}`, of('ratio'), `by CPU time ${of('cpuRatio')}`, `by best ${of('bestRatio')}`];
  });
  const short = shortfalls(results, tender);
  return `${head}\n${columns([['', '', 'n', 'min', 'median', 'p99', 'ratio', 'by CPU time', 'by best'], ...lines])}\n${columns(means)}${
    short.length === 0 ? 'every ratio is above its line\n' : short.map((text) => `below its line: ${text}\n`).join('')
  }`;
}

export async function compute(argv: readonly string[]): Promise<number> {
  const command = new Command('npm run bench -- compute')
    .description("What a program's own work costs in a VM, against plain Node on the same core.")
    .addOption(
      option('--tender <list>', 'process, kvm or both')
        .default(isKvmThere() ? ['process', 'kvm'] : ['process'], isKvmThere() ? 'process,kvm' : 'process')
        .argParser(listOf<Tender>(['process', 'kvm'])),
    )
    .addOption(
      option('--rows <list>', rowNames.join(',')).default(rowNames, 'all').argParser(listOf<RowName>(rowNames)),
    )
    .addOption(option('--rounds <n>', 'samples of each').default(7).argParser(integer(1, 1_000)))
    .addOption(option('--warm-ups <n>', 'runs before, not counted').default(3).argParser(integer(0, 100)))
    .addOption(option('--memory <MB>', 'memory limit of a VM').default(256).argParser(integer(128, 65_536)))
    .addOption(option('--core <n>', 'where everything runs (default: the last one)').argParser(integer(0, 1_023)))
    .addOption(option('--check', 'exit status 1 when a ratio is below its line').default(false))
    .addOption(option('--json', 'one line of JSON on stdout').default(false))
    .allowExcessArguments(false);
  let options: ComputeOptions;
  try {
    options = run<ComputeOptions>(command, argv, process.stderr);
  } catch (error) {
    if (error instanceof CommandLineExit) return error.exitCode;
    throw error;
  }
  const signal = abortOnSignals();
  const facts = machine();
  const results: RowResult[] = [];
  try {
    for (const row of options.rows) {
      process.stderr.write(`${row} ...\n`);
      results.push(await measure(row, options, signal));
    }
  } catch (error) {
    process.stderr.write(`error: ${errorText(error)}\n`);
    return 1;
  }
  const below = shortfalls(results, options.tender);
  const json = () => {
    const mean = Object.fromEntries(
      options.tender.map((each) => [each, geometricMean(results.map(({ vm }) => vm[each]?.ratio ?? 0))]),
    );
    return `${JSON.stringify({ machine: facts, rows: results, geometricMean: mean, below })}\n`;
  };
  process.stdout.write(options.json ? json() : report(facts, results, options));
  return options.check && below.length > 0 ? 1 : 0;
}
