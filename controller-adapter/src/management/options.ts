/** The command lines of `npm run ps`, `top`, `logs`, `kill` and `reports`. A mistake is one clear line and exit status 2. */

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

export type ManagementCommand =
  | { readonly name: 'ps'; readonly dataDir: string; readonly json: boolean }
  | { readonly name: 'top'; readonly dataDir: string; readonly json: boolean; readonly count: number }
  | {
      readonly name: 'logs';
      readonly dataDir: string;
      readonly json: boolean;
      readonly follow: boolean;
      readonly vm?: string;
    }
  | { readonly name: 'reports'; readonly dataDir: string; readonly json: boolean }
  | { readonly name: 'kill'; readonly dataDir: string; readonly vms: readonly string[] };

/** What ended parsing: help was printed (0) or a mistake was told (2). */
export class CommandLineExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('command line');
    this.exitCode = exitCode;
  }
}

interface Output {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** `argv` begins with the command's name. Throws CommandLineExit after having printed. */
export function parseOptions([name = '', ...argv]: readonly string[], output: Output): ManagementCommand {
  switch (name) {
    case 'ps': {
      const command = create(name, 'Lists the VMs of a running stack.').addOption(
        json('exactly one JSON array on stdout'),
      );
      return { name, ...run(command, argv, output).opts<{ dataDir: string; json: boolean }>() };
    }
    case 'top': {
      const command = create(name, 'Lists the VMs of a running stack, every second until Ctrl-C.')
        .addOption(json('one JSON array per line and refresh'))
        .addOption(
          new Option('--count <n>', 'ends after so many refreshes')
            .default(Number.POSITIVE_INFINITY, 'no end')
            .argParser(count),
        );
      return { name, ...run(command, argv, output).opts<{ dataDir: string; json: boolean; count: number }>() };
    }
    case 'logs': {
      const command = create(name, 'Prints the last log lines of a VM, or of all.')
        .argument('[VM]', 'id, as ps shows it')
        .addOption(new Option('-f, --follow', 'go on until the VM ends, or Ctrl-C').default(false))
        .addOption(json('exactly one JSON array on stdout').conflicts('follow'));
      const parsed = run(command, argv, output);
      const vm = parsed.args[0];
      const options = parsed.opts<{ dataDir: string; json: boolean; follow: boolean }>();
      return { name, ...options, ...(vm === undefined ? {} : { vm }) };
    }
    case 'reports': {
      const command = create(name, 'Lists what is known of VMs that crashed, the newest last.').addOption(
        json('exactly one JSON array of the whole reports on stdout'),
      );
      return { name, ...run(command, argv, output).opts<{ dataDir: string; json: boolean }>() };
    }
    case 'kill': {
      const command = create(name, 'Ends VMs at once; an activation in progress fails.').argument(
        '<VM...>',
        'ids, as ps shows them',
      );
      const parsed = run(command, argv, output);
      return { name, ...parsed.opts<{ dataDir: string }>(), vms: parsed.args };
    }
    default:
      output.stderr.write('usage: ps|top|logs|kill|reports [options]\n');
      throw new CommandLineExit(2);
  }
}

function create(name: string, description: string): Command {
  return new Command(`npm run ${name} --`)
    .description(description)
    .addOption(new Option('--data-dir <folder>', 'data folder of the stack').default('.ebbwhisk/data'))
    .allowExcessArguments(false);
}

function json(description: string): Option {
  return new Option('--json', description).default(false);
}

/** With exit status 2 for mistakes, where commander itself would exit with 1. */
function run(command: Command, argv: readonly string[], { stdout, stderr }: Output): Command {
  command.exitOverride().configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => void stderr.write(text),
  });
  try {
    return command.parse(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw new CommandLineExit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 1000000.');
  }
  return value;
}
