/** The command line of `npm start`. */

import type { TenderKind } from '@ebbwhisk/libos-node';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type LogLevel, logLevels } from './log.ts';
import { type Target, targets } from './targets.ts';

export interface StandaloneOptions {
  readonly port: number;
  readonly host: string;
  readonly tender: TenderKind;
  readonly target: Target;
  readonly dataDir: string;
  readonly memory: number;
  readonly cpus?: number;
  readonly pool: number;
  readonly snapshots: number;
  readonly users?: string;
  readonly gatewayPort: readonly number[];
  readonly logLevel: LogLevel;
}

/** Prints help or a complaint and exits by itself, as command lines do. */
export function parseOptions(argv: readonly string[]): StandaloneOptions {
  const command = new Command('npm start --')
    .description('OpenWhisk on this machine: API, invoker and store in one process; actions run in library-OS VMs.')
    .addOption(option('--port <port>', 'port of the API').default(3233).argParser(port))
    .addOption(option('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      option('--tender <kind>', 'what confines a VM; auto takes KVM when it is usable')
        .choices(['auto', 'kvm', 'process'])
        .default('auto'),
    )
    .addOption(
      option('--target <kind>', 'libos: VMs; process: plain Node, no isolation')
        .choices([...targets])
        .default('libos'),
    )
    .addOption(option('--data-dir <folder>', 'entities and activations').default('.ebbwhisk/data'))
    .addOption(option('--memory <MB>', 'sum of the memory limits of all VMs').default(2048).argParser(memory))
    .addOption(
      option(
        '--cpus <n>',
        'cores that all VMs may use together, a hard limit for each by its memory (default: none)',
      ).argParser(cpus),
    )
    .addOption(
      option('--pool <n>', 'VMs made ahead of what is asked for, at most; they count against --memory')
        .default(0)
        .argParser((text: string) => integer(text, 0, 1_000)),
    )
    .addOption(
      option('--snapshots <MB>', 'disk space for snapshots of functions, in the data folder; 0: every start is cold')
        .default(4096)
        .argParser((text: string) => integer(text, 0, 16_777_216)),
    )
    .addOption(option('--users <file>', 'JSON file of subjects beside the stock guest'))
    .addOption(
      option('--gateway-port <ports...>', 'ports of 127.0.0.1 that actions may reach at 10.0.2.2')
        .default([])
        .argParser((text: string, before: number[]) => [...before, port(text)]),
    )
    .addOption(
      option('--log-level <level>', 'how much to log')
        .choices([...logLevels])
        .default('info'),
    )
    .allowExcessArguments(false)
    .showHelpAfterError();
  return command.parse(argv, { from: 'user' }).opts<StandaloneOptions>();
}

function option(flags: string, description: string): Option {
  return new Option(flags, description);
}

function port(text: string): number {
  return integer(text, 0, 65_535);
}

function memory(text: string): number {
  return integer(text, 128, 1_048_576);
}

function cpus(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.01 || value > 4096) {
    throw new InvalidArgumentError('It must be a number from 0.01 to 4096.');
  }
  return value;
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  }
  return value;
}
