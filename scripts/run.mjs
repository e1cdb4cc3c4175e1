/**
 * `npm run <command>`: the set-up that the command needs, then the command on the project's Node, with its arguments,
 * signals and exit status passed through. stdout belongs to the command alone.
 */
import { spawn } from 'node:child_process';
import { binaries, projectNode, root } from './paths.mjs';
import { ending, SetupError } from './processes.mjs';
import { setUp } from './setup/setup.mjs';

/**
 * `fuzz`: wants the fuzz targets' compiler, too.
 * @typedef {{ extent: import('./setup/setup.mjs').Extent, entry?: string, args?: string[], fuzz?: boolean }} Command
 */

const management = 'controller-adapter/src/management/cli.ts';

/** @type {Record<string, Command>} */
const commands = {
  start: { extent: 'all', entry: 'controller-adapter/src/standalone.ts' },
  test: { extent: 'all', entry: 'scripts/test/main.ts', fuzz: true },
  setup: { extent: 'all', fuzz: true },
  fuzz: { extent: 'node', entry: 'scripts/fuzz/main.ts', fuzz: true },
  vm: { extent: 'all', entry: 'libos-node/hosted/src/cli/vm.ts' },
  image: { extent: 'native', entry: 'images/src/cli.ts' },
  loadgen: { extent: 'all', entry: 'loadgen/src/cli.ts' },
  bench: { extent: 'all', entry: 'loadgen/src/bench.ts' },
  ps: { extent: 'node', entry: management, args: ['ps'] },
  top: { extent: 'node', entry: management, args: ['top'] },
  logs: { extent: 'node', entry: management, args: ['logs'] },
  kill: { extent: 'node', entry: management, args: ['kill'] },
  reports: { extent: 'node', entry: management, args: ['reports'] },
  lint: { extent: 'node', entry: 'scripts/lint.ts' },
  format: { extent: 'node', entry: 'scripts/lint.ts', args: ['--write'] },
  typecheck: { extent: 'node', entry: 'node_modules/typescript/bin/tsc', args: ['--noEmit', '-p', '.'] },
};

/** @param {readonly string[]} argv */
async function main([name = '', ...args]) {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new SetupError(`usage: npm run ${Object.keys(commands).join('|')} [-- arguments]`, 2);
  process.chdir(root);
  const asksForHelp = args.includes('--help') || args.includes('-h');
  try {
    await setUp(asksForHelp ? 'node' : command.extent, { fuzz: command.fuzz === true && !asksForHelp });
  } catch (error) {
    // Whoever reads the totals must find them also when no test could run.
    if (name === 'test') process.once('exit', () => process.stdout.write('0 passed, 1 failed, 0 skipped\n'));
    throw error;
  }
  if (command.entry !== undefined) await become([command.entry, ...(command.args ?? []), ...args]);
}

/**
 * Turns this process into the project's Node where the running Node can (from its second run on a checkout it can: npm
 * puts the project's Node first on the PATH), and stands in front of a child where it cannot.
 * @param {readonly string[]} args
 */
async function become(args) {
  const env = { ...process.env, PATH: `${binaries}:${process.env.PATH ?? ''}` };
  if (process.execve !== undefined) process.execve(projectNode, [projectNode, ...args], env);
  const { code, killedBy } = await ending(spawn(projectNode, args, { env, stdio: 'inherit' }));
  if (killedBy === undefined) process.exitCode = code;
  else process.kill(process.pid, killedBy);
}

main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`set-up: ${error.message}\n`);
  process.exitCode = error.exitCode;
});
