/** `npm run lint` judges the source; `npm run format` (--write) first mends what a tool can mend. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { biome, clangFormat } from './checks.ts';
import { root } from './paths.mjs';

const { values } = parseArgs({ options: { write: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });

if (values.help) {
  process.stdout.write('npm run lint: check the source; npm run format: mend what a tool can mend\n');
} else {
  const mode = values.write ? 'write' : 'check';
  const [program, ...args] = biome(mode);
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  const unformatted = clangFormat(mode);
  for (const file of unformatted) process.stderr.write(`${file}: not formatted (npm run format)\n`);
  process.exitCode = status === 0 && unformatted.length === 0 ? 0 : 1;
}
