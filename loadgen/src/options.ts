/** The command line of `npm run loadgen`. A mistake is one clear line and exit status 2. */

import { type Profile, profiles, type TenderKind } from '@ebbwhisk/libos-node';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

export type Mode = 'cold' | 'warm' | 'hot' | 'mixed';
export type Target = 'libos' | 'process';

export interface LoadOptions {
  readonly mode: Mode;
  readonly via: 'api' | 'vm';
  readonly target: Target;
  readonly tender: TenderKind;
  readonly profile?: Profile;
  /** Infinity with a duration alone. */
  readonly count: number;
  /** Seconds; mixed only. */
  readonly duration?: number;
  /** Percent of the machine's CPU time to hold; mixed only. */
  readonly cpu?: number;
  /** Different actions; mixed only. */
  readonly actions: number;
  readonly concurrency: number;
  /** VMs made ahead; 0 = every start counts whole. */
  readonly pool: number;
  readonly kind: string;
  /** MiB of one VM. */
  readonly memory: number;
  readonly json: boolean;
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

const kDefaultCount: Record<Mode, number> = { cold: 20, warm: 20, hot: 1000, mixed: 1000 };

/** Throws CommandLineExit after having printed. */
export function parseOptions(argv: readonly string[], stderr: NodeJS.WritableStream = process.stderr): LoadOptions {
  const command = new Command('npm run loadgen --')
    .description(
      'Measures how long functions take: cold (never seen before), warm (from their snapshot, in a new VM), hot (on a live VM), or many unlike ones (mixed).',
    )
    .addOption(option('--mode <mode>', 'what is measured').choices(['cold', 'warm', 'hot', 'mixed']).default('hot'))
    .addOption(
      option('--via <way>', 'api: the OpenWhisk API, end to end; vm: /init and /run of VMs started here')
        .choices(['api', 'vm'])
        .default('api'),
    )
    .addOption(
      option('--target <target>', 'libos: library-OS VMs; process: plain Node, the baseline')
        .choices(['libos', 'process'])
        .default('libos'),
    )
    .addOption(
      option('--tender <tender>', 'what confines a VM; auto takes KVM when it is usable')
        .choices(['auto', 'kvm', 'process'])
        .default('auto'),
    )
    .addOption(option('--profile <profile>', 'image profile, with --via vm').choices(profiles))
    .addOption(
      option('--count <n>', 'invocations measured (default: 20 cold or warm, 1000 hot or mixed)').argParser(
        integer(1, 10_000_000),
      ),
    )
    .addOption(
      option('--duration <seconds>', 'with --mode mixed: how long, instead of a count').argParser(integer(1, 604_800)),
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
    .addOption(option('--concurrency <n>', 'invocations at a time').default(1).argParser(integer(1, 1_000)))
    .addOption(option('--pool <n>', 'VMs made ahead, with --mode cold or warm').default(0).argParser(integer(0, 1_000)))
    .addOption(option('--no-template', 'boot every VM, with --via vm --mode cold, instead of cloning a template'))
    .addOption(option('--kind <kind>', 'action kind').default('nodejs:24'))
    .addOption(option('--memory <MB>', 'memory limit of a VM').default(256).argParser(integer(128, 65_536)))
    .addOption(option('--apihost <url>', 'with --via api: a running stack instead of an own one'))
    .addOption(option('--auth <uuid:key>', 'with --apihost: default is the guest of the local stack'))
    .addOption(option('--json', 'exactly one line of JSON on stdout instead of a table').default(false))
    .allowExcessArguments(false);
  return checked(run(command, argv, stderr), (text) => stderr.write(`error: ${text}\n`));
}

type Parsed = Omit<LoadOptions, 'count'> & { count?: number };

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

function checked(parsed: Parsed, complain: (text: string) => void): LoadOptions {
  const { mode, count, duration } = parsed;
  const mistake = mistakeOf(parsed);
  if (mistake !== undefined) {
    complain(mistake);
    throw new CommandLineExit(2);
  }
  return { ...parsed, count: count ?? (duration === undefined ? kDefaultCount[mode] : Infinity) };
}

function mistakeOf({
  mode,
  via,
  pool,
  template,
  profile,
  apihost,
  auth,
  target,
  duration,
  cpu,
}: Parsed): string | undefined {
  const rules: readonly (readonly [boolean, string])[] = [
    [mode === 'warm' && target !== 'libos', '--mode warm needs --target libos: others have no snapshots of functions'],
    [mode === 'warm' && apihost !== undefined, '--mode warm needs a stack of its own, whose VMs it can end'],
    [mode === 'mixed' && via === 'vm', '--mode mixed needs --via api'],
    [duration !== undefined && mode !== 'mixed', '--duration needs --mode mixed'],
    [cpu !== undefined && mode !== 'mixed', '--cpu needs --mode mixed'],
    [profile !== undefined && via === 'api', '--profile needs --via vm'],
    [profile !== undefined && target === 'process', '--profile needs --target libos'],
    [pool > 0 && mode !== 'cold' && mode !== 'warm', '--pool needs --mode cold or warm'],
    [pool > 0 && apihost !== undefined, '--pool needs a stack of its own'],
    [!template && (via !== 'vm' || mode !== 'cold'), '--no-template needs --via vm --mode cold'],
    [apihost !== undefined && via === 'vm', '--apihost needs --via api'],
    [auth !== undefined && apihost === undefined, '--auth needs --apihost'],
    [
      apihost !== undefined && !/^https?:$/.test(URL.parse(apihost)?.protocol ?? ''),
      '--apihost must be a URL, like http://127.0.0.1:3233',
    ],
  ];
  return rules.find(([broken]) => broken)?.[1];
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
