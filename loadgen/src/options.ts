/** The command line of `npm run loadgen`. A mistake is one clear line and exit status 2. */

import { type Profile, profiles, type TenderKind } from '@ebbwhisk/libos-node';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { mistakeOf } from './mistakes.ts';

export type Mode = 'cold' | 'warm' | 'hot' | 'mixed' | 'burst' | 'density';
export type Target = 'libos' | 'process' | 'docker';
/** What the local stack, too, can run. */
export type OwnTarget = Exclude<Target, 'docker'>;

export interface LoadOptions {
  readonly mode: Mode;
  readonly via: 'api' | 'vm';
  readonly target: Target;
  readonly tender: TenderKind;
  readonly profile?: Profile;
  /** Infinity with a duration or a budget alone. */
  readonly count: number;
  /** Seconds; mixed and burst only. */
  readonly duration?: number;
  /** Percent of the machine's CPU time to hold; mixed only. */
  readonly cpu?: number;
  /** Different actions; mixed only. */
  readonly actions: number;
  /** Functions of one burst. */
  readonly burstSize: number;
  /** Seconds from burst to burst. */
  readonly burstEvery: number;
  /** Hot invocations per second beside the bursts. */
  readonly background: number;
  /** What is packed: functions as files, or VMs that live. */
  readonly density: 'cached' | 'live';
  /** MB of memory and disk that may be taken; density only. */
  readonly budget?: number;
  readonly concurrency: number;
  /** VMs made ahead; 0 = every start counts whole. */
  readonly pool: number;
  readonly kind: string;
  /** MiB of one VM. */
  readonly memory: number;
  /** MB of all VMs of an own stack; absent = enough for what is used at a time. */
  readonly stackMemory?: number;
  /** Of containers. */
  readonly image: string;
  readonly json: boolean;
  /** File for the whole result. */
  readonly save?: string;
  /** What the saved result is called; absent = by its options. */
  readonly label?: string;
  /** Cold VMs of --via vm are clones of a template; false: each boots. */
  readonly template: boolean;
  /** Of a running stack; absent = an own one is started. */
  readonly apihost?: string;
  readonly auth?: string;
}

/** What ended parsing: help was printed (0) or a mistake was told (2). */
export class CommandLineExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('command line');
    this.exitCode = exitCode;
  }
}

const kDefaultCount: Record<Mode, number> = {
  cold: 20,
  warm: 20,
  hot: 1000,
  mixed: 1000,
  burst: Infinity,
  density: 100,
};
const kBurstSeconds = 60;

/** Throws CommandLineExit after having printed. */
export function parseOptions(argv: readonly string[], stderr: NodeJS.WritableStream = process.stderr): LoadOptions {
  const command = new Command('npm run loadgen --')
    .description(
      'Measures how long functions take: cold (never seen before), warm (from their snapshot, in a new VM), hot (on a live VM), many unlike ones (mixed), crowds of new ones over a steady load (burst), or how many fit (density).',
    )
    .addHelpText('after', '\nnpm run loadgen -- report --help: a page of saved results')
    .addOption(
      option('--mode <mode>', 'what is measured')
        .choices(['cold', 'warm', 'hot', 'mixed', 'burst', 'density'])
        .default('hot'),
    )
    .addOption(
      option('--via <way>', 'api: the OpenWhisk API, end to end; vm: /init and /run of VMs started here')
        .choices(['api', 'vm'])
        .default('api'),
    )
    .addOption(
      option(
        '--target <target>',
        'libos: library-OS VMs; process: plain Node, the baseline; docker: a container of the stock image per action',
      )
        .choices(['libos', 'process', 'docker'])
        .default('libos'),
    )
    .addOption(
      option('--tender <tender>', 'what confines a VM; auto takes KVM when it is usable')
        .choices(['auto', 'kvm', 'process'])
        .default('auto'),
    )
    .addOption(option('--profile <profile>', 'image profile, with --via vm').choices(profiles))
    .addOption(
      option('--image <name>', 'with --target docker: the image of the action runtime').default(
        'openwhisk/action-nodejs-v24',
      ),
    )
    .addOption(
      option(
        '--count <n>',
        'invocations measured (default: 20 cold or warm, 1000 hot or mixed); functions of --mode density (default: 100)',
      ).argParser(integer(1, 10_000_000)),
    )
    .addOption(
      option(
        '--duration <seconds>',
        `how long: with --mode mixed instead of a count, with --mode burst (default: ${kBurstSeconds})`,
      ).argParser(integer(1, 604_800)),
    )
    .addOption(
      option(
        '--cpu <percent>',
        'with --mode mixed: hold the cores it may use (taskset) at this share of their time',
      ).argParser(integer(1, 100)),
    )
    .addOption(
      option('--actions <n>', 'with --mode mixed: different actions, chosen by popularity')
        .default(60)
        .argParser(integer(1, 10_000)),
    )
    .addOption(
      option('--burst-size <n>', 'with --mode burst: functions never seen before, invoked at once')
        .default(100)
        .argParser(integer(1, 5_000)),
    )
    .addOption(
      option('--burst-every <seconds>', 'with --mode burst: from one burst to the next')
        .default(10)
        .argParser(integer(1, 3_600)),
    )
    .addOption(
      option('--background <n>', 'with --mode burst: hot invocations per second beside the bursts')
        .default(50)
        .argParser(integer(1, 5_000)),
    )
    .addOption(
      option('--density <what>', 'with --mode density: functions cached as snapshots, or live idle VMs')
        .choices(['cached', 'live'])
        .default('cached'),
    )
    .addOption(
      option('--budget <MB>', 'with --mode density: ends when memory and files have taken so much').argParser(
        integer(1, 16_777_216),
      ),
    )
    .addOption(option('--concurrency <n>', 'invocations at a time').default(1).argParser(integer(1, 1_000)))
    .addOption(
      option('--pool <n>', 'VMs made ahead, with --mode cold, warm or burst').default(0).argParser(integer(0, 1_000)),
    )
    .addOption(option('--no-template', 'boot every VM, with --via vm --mode cold, instead of cloning a template'))
    .addOption(option('--kind <kind>', 'action kind').default('nodejs:24'))
    .addOption(option('--memory <MB>', 'memory limit of a VM').default(256).argParser(integer(128, 65_536)))
    .addOption(
      option(
        '--stack-memory <MB>',
        'with an own stack: limits of all its VMs together (default: room for those used at a time)',
      ).argParser(integer(128, 1_048_576)),
    )
    .addOption(option('--apihost <url>', 'with --via api: a running stack instead of an own one'))
    .addOption(option('--auth <uuid:key>', 'with --apihost: default is the guest of the local stack'))
    .addOption(option('--save <file>', 'write the whole result to a file, for `npm run loadgen -- report`'))
    .addOption(option('--label <text>', 'with --save: what the result is called in a report'))
    .addOption(option('--json', 'exactly one line of JSON on stdout instead of a table').default(false))
    .allowExcessArguments(false);
  const parsed = run<ParsedOptions>(command, argv, stderr);
  const mistake = mistakeOf(parsed, (name) => command.getOptionValueSource(name) === 'cli');
  if (mistake !== undefined) {
    stderr.write(`error: ${mistake}\n`);
    throw new CommandLineExit(2);
  }
  return complete(parsed);
}

export type ParsedOptions = Omit<LoadOptions, 'count'> & { count?: number };

/** Parses with exit status 2 for mistakes, where commander itself would exit with 1. */
export function run<T>(command: Command, argv: readonly string[], stderr: NodeJS.WritableStream): T {
  command.exitOverride().configureOutput({ writeErr: (text) => void stderr.write(text) });
  try {
    return command.parse(argv, { from: 'user' }).opts() as T;
  } catch (error) {
    if (error instanceof CommanderError) throw new CommandLineExit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
}

function complete(parsed: ParsedOptions): LoadOptions {
  const { mode, count, duration, burstEvery, budget } = parsed;
  const isBounded = duration !== undefined || budget !== undefined;
  return {
    ...parsed,
    ...(mode === 'burst' ? { duration: duration ?? Math.max(kBurstSeconds, burstEvery) } : {}),
    count: count ?? (isBounded ? Infinity : kDefaultCount[mode]),
  };
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

export function option(flags: string, description: string): Option {
  return new Option(flags, description);
}
