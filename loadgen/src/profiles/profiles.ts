/**
 * `npm run bench -- profiles`: the dial from general to ebb. What each profile costs and gives, under each tender, against plain Node on
 * Linux in one run; everybody takes turns, round by round, and the medians of the rounds are told. Exit status: 0, 1 when
 * something failed, 2 for a bad command line.
 */
import { profiles as allProfiles, type Profile, type TenderKind } from '@ebbwhisk/libos-node';
import { Command } from 'commander';
import { errorText } from '../errors.ts';
import { isKvmThere, type Machine, machine } from '../machine.ts';
import { CommandLineExit, integer, option, run } from '../options.ts';
import { columns } from '../report.ts';
import { abortOnSignals } from '../signals.ts';
import { bootOf } from '../vm/boots.ts';
import { Contestant, type Figures, type Way } from './contestant.ts';

interface ProfilesOptions {
  readonly json: boolean;
  readonly kind: string;
  readonly memory: number;
  readonly rounds: number;
  readonly slice: number;
  readonly tender?: Exclude<TenderKind, 'auto'>;
  readonly profile?: Profile;
}

interface Row {
  readonly name: string;
  readonly median: Figures;
}

async function ways({ kind, memory, tender, profile }: ProfilesOptions): Promise<Way[]> {
  const tenders = (['process', 'kvm'] as const).filter(
    (each) => (tender === undefined || each === tender) && (each === 'process' || isKvmThere()),
  );
  const [plain, libos] = [await bootOf('process'), await bootOf('libos')];
  const common = { kind, memoryMb: memory };
  return [
    { name: 'plain Node', boot: plain, ...common },
    ...tenders.flatMap((each) =>
      allProfiles
        .filter((one) => profile === undefined || one === profile)
        .map((one) => ({ name: `${each}, ${one}`, boot: libos, ...common, tender: each, profile: one })),
    ),
  ];
}

function medianOf(rounds: readonly Figures[]): Figures {
  const keys = Object.keys(rounds[0] ?? {}) as (keyof Figures)[];
  const median = (key: keyof Figures): number => {
    const values = rounds.map((round) => round[key] ?? 0).sort((a, b) => a - b);
    return values[values.length >> 1] ?? 0;
  };
  return Object.fromEntries(keys.map((key) => [key, median(key)])) as unknown as Figures;
}

function report(facts: Machine, rows: readonly Row[], { rounds, slice }: ProfilesOptions): string {
  const { cpu, cores, kernel, node, load, time } = facts;
  const head = columns([
    ['machine', `${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}`],
    ['when', `${time}, load ${load}; medians of ${rounds} rounds of ${slice} ms; in brackets: times plain Node`],
  ]);
  const base = rows[0]?.median as Figures;
  const speed = (value: number, of: number, digits: number): string =>
    `${value.toFixed(digits)} (${(value / of).toFixed(2)})`;
  const count = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));
  const lines = rows.map(({ name, median: m }) => [
    name,
    `${m.startMs.toFixed(0)} ms`,
    `${(m.hotMs * 1000).toFixed(0)} us (${(m.hotMs / base.hotMs).toFixed(2)})`,
    count(m.exitsHot),
    m.trapsHot === undefined ? '-' : m.trapsHot.toFixed(0),
    speed(m.turns / 1000, base.turns / 1000, 0),
    speed(m.one, base.one, 0),
    `${(m.oneMs * 1000).toFixed(0)} us`,
    count(m.exitsOne),
    count(m.syscallsOne),
    speed(m.sixteen, base.sixteen, 0),
    `${(m.sixteenMs * 1000).toFixed(0)} us`,
    count(m.exitsSixteen),
  ]);
  const titles = [
    '',
    'start',
    'hot run',
    'exits',
    'traps',
    'k turns/s',
    'http/s, 1',
    'p50',
    'exits',
    'syscalls',
    'http/s, 16',
  ];
  return `${head}\n${columns([[...titles, 'p50', 'exits'], ...lines])}`;
}

async function measure(options: ProfilesOptions, signal: AbortSignal): Promise<Row[]> {
  const contestants: Contestant[] = [];
  const rounds = new Map<Contestant, Figures[]>();
  try {
    for (const way of await ways(options)) {
      process.stderr.write(`${way.name} ...\n`);
      const contestant = await Contestant.open(way, signal);
      contestants.push(contestant);
      rounds.set(contestant, []);
    }
    for (let round = 0; round < options.rounds; round += 1) {
      for (const [contestant, figures] of rounds) figures.push(await contestant.round(options.slice, signal));
      process.stderr.write(`round ${round + 1} of ${options.rounds}\n`);
    }
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.close()));
  }
  return [...rounds].map(([{ name }, figures]) => ({ name, median: medianOf(figures) }));
}

export async function profiles(argv: readonly string[]): Promise<number> {
  const command = new Command('npm run bench -- profiles')
    .description('Compares the profiles of images under each tender with plain Node, taking turns in one run.')
    .addOption(option('--rounds <n>', 'samples of each').default(7).argParser(integer(1, 1_000)))
    .addOption(
      option('--slice <ms>', 'how long each thing is measured in a round').default(400).argParser(integer(50, 60_000)),
    )
    .addOption(option('--kind <kind>', 'action kind').default('nodejs:24'))
    .addOption(option('--memory <MB>', 'memory limit of a VM').default(256).argParser(integer(128, 65_536)))
    .addOption(option('--tender <tender>', 'only this one').choices(['process', 'kvm']))
    .addOption(option('--profile <profile>', 'only this one').choices(allProfiles))
    .addOption(option('--json', 'one line of JSON on stdout').default(false))
    .allowExcessArguments(false);
  let options: ProfilesOptions;
  try {
    options = run<ProfilesOptions>(command, argv, process.stderr);
  } catch (error) {
    if (error instanceof CommandLineExit) return error.exitCode;
    throw error;
  }
  const facts = machine();
  try {
    const rows = await measure(options, abortOnSignals());
    process.stdout.write(options.json ? `${JSON.stringify({ machine: facts, rows })}\n` : report(facts, rows, options));
    return 0;
  } catch (error) {
    process.stderr.write(`error: ${errorText(error)}\n`);
    return 1;
  }
}
