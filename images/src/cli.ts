/** `npm run image`: builds or inspects one image. Exit status 0, 1 (cannot be built) or 2 (bad arguments). */
import { resolve } from 'node:path';
import { defaultProfile, type Profile, profiles } from '@ebbwhisk/libos-node/paths';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { buildImage } from './build.ts';
import { ImageError } from './errors.ts';
import { readImage } from './image/read.ts';
import { describeImage } from './inspect.ts';
import { kindByName, kinds } from './kinds.ts';
import { isEbbChoice } from './manifest.ts';

interface Options {
  readonly kind: string;
  readonly profile: Profile;
  readonly out?: string;
  readonly ifStale: boolean;
  readonly inspect?: string;
  readonly poisonLibuv: boolean;
  readonly ebb: Readonly<Record<string, string>>;
}

function parseKind(value: string): string {
  try {
    return kindByName(value).name;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function parseEbb(value: string, previous: Readonly<Record<string, string>>): Record<string, string> {
  const [name = '', implementation = '', ...rest] = value.split('=');
  if (rest.length > 0 || !isEbbChoice(name, implementation))
    throw new InvalidArgumentError('Expected Name=implementation.');
  return { ...previous, [name]: implementation };
}

const command = new Command('npm run image --')
  .description('Builds the image that a LibOS VM boots from.')
  .option('--kind <kind>', `action kind: ${kinds.map(({ name }) => name).join(', ')}`, parseKind, 'nodejs:24')
  .addOption(
    new Option(
      '--profile <profile>',
      'general: every syscall traps; bypass: syscall sites may be redirected; ebb: bypass, and libuv is libuv-ebb',
    )
      .choices(profiles)
      .default(defaultProfile),
  )
  .option('--out <folder>', 'where the image goes (default: .ebbwhisk/images)')
  .option('--ebb <Name=impl>', 'implementation of an Ebb, over the manifest; may be repeated', parseEbb, {})
  .option('--poison-libuv', "overwrite Node's own libuv, which profile ebb does not use: for tests", false)
  .option('--if-stale', 'do nothing, and say nothing, when the image is up to date', false)
  .option('--inspect <file>', 'verify and describe an image instead of building one')
  .allowExcessArguments(false)
  .exitOverride();

function main(): void {
  const options = command.parse().opts<Options>();
  if (options.inspect !== undefined) {
    process.stdout.write(describeImage(readImage(options.inspect)));
    return;
  }
  const { kind, profile, ifStale, poisonLibuv, ebb, out } = options;
  const built = buildImage({
    kind,
    profile,
    ifStale,
    poisonLibuv,
    ebbs: ebb,
    ...(out === undefined ? {} : { folder: resolve(out) }),
  });
  if (built === undefined) return;
  process.stdout.write(`${built.path}  ${(built.size / 2 ** 20).toFixed(1)} MiB  sha256 ${built.sha256}\n`);
}

try {
  main();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof ImageError) {
    process.stderr.write(`error: ${error.code}: ${error.message}\n`);
    process.exitCode = 1;
  } else if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    // What the operating system refused: a missing file, a full disk.
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  } else throw error;
}
