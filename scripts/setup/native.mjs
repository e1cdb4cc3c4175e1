/**
 * The C++ build: tender, LibOS kernel and their tests, in build/. Ninja always runs: it takes milliseconds when nothing
 * changed and is the only one who knows.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildFolder, root } from '../paths.mjs';
import { run } from '../processes.mjs';
import { timed } from './progress.mjs';

export async function buildNative() {
  forgetMovedBuild();
  if (!existsSync(join(buildFolder, 'build.ninja'))) {
    const settings = ['-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON'];
    await timed('native build: configure', () =>
      run('cmake', ['-G', 'Ninja', '-S', root, '-B', buildFolder, ...settings], { cwd: root, onLine: tell }),
    );
  }
  await run('ninja', ['-C', buildFolder, '-j', String(availableParallelism())], {
    cwd: root,
    env: { ...process.env, NINJA_STATUS: '[%f/%t %es] ' },
    onLine: tell,
  });
}

/**
 * Shows the steps of a build, not the chatter around them.
 * @param {string} line
 */
function tell(line) {
  if (!/^(-- |ninja: (no work to do|Entering directory))/.test(line)) process.stderr.write(`${line}\n`);
}

/** CMake refuses a build folder that came along when a checkout was moved or copied. */
function forgetMovedBuild() {
  const cache = join(buildFolder, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  if (home !== root) rmSync(buildFolder, { recursive: true, force: true });
}
