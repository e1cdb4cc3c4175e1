/**
 * The fuzz targets' compiler and build. libFuzzer comes with clang alone, which nothing else here needs: where it is
 * missing and cannot be installed, fuzzing is left out, with a reason, and the rest goes on.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { buildFolder, root } from '../paths.mjs';
import { run, SetupError } from '../processes.mjs';
import { ensureDebianPackages } from './debian.mjs';
import { say } from './progress.mjs';

/** clang, and apart from it the run-time libraries of its sanitizers and of libFuzzer. */
export const fuzzPackages = ['clang', 'libclang-rt-dev'];

export const fuzzBuildFolder = join(buildFolder, 'fuzz');
export const fuzzBinaries = join(fuzzBuildFolder, 'bin');

/** Below, C++20 is not good enough. */
const oldestClang = 14;
const newestClang = 40;

/** @returns {string | undefined} the newest clang++ that has libFuzzer */
export function findFuzzCompiler() {
  const numbered = Array.from(
    { length: newestClang - oldestClang + 1 },
    (_, index) => `clang++-${newestClang - index}`,
  );
  const folders = (process.env.PATH ?? '').split(delimiter);
  return ['clang++', ...numbered]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path) && hasLibFuzzer(path));
}

/** @param {string} compiler */
function hasLibFuzzer(compiler) {
  // An absolute path when it is there, the bare name when not; its folder is laid out in one of two ways.
  return ['libclang_rt.fuzzer-x86_64.a', 'libclang_rt.fuzzer.a'].some((library) => {
    const { stdout } = spawnSync(compiler, [`-print-file-name=${library}`], { encoding: 'utf8' });
    return isAbsolute(stdout?.trim() ?? '');
  });
}

/** Has root install what is missing; says so, and goes on, when that fails. */
export async function ensureFuzzCompiler() {
  if (findFuzzCompiler() !== undefined || process.getuid?.() !== 0) return;
  try {
    await ensureDebianPackages(fuzzPackages);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`no clang with libFuzzer, so nothing will be fuzzed: ${error.message}`);
  }
}

/**
 * Builds what changed.
 * @param {string} compiler
 */
export async function buildFuzzTargets(compiler) {
  const cache = join(fuzzBuildFolder, 'CMakeCache.txt');
  const configured =
    existsSync(cache) && readFileSync(cache, 'utf8').includes(`CMAKE_CXX_COMPILER:STRING=${compiler}\n`);
  if (!configured) {
    rmSync(fuzzBuildFolder, { recursive: true, force: true });
    const settings = [
      '-DEBB_FUZZ=ON',
      '-DCMAKE_BUILD_TYPE=Release',
      `-DCMAKE_CXX_COMPILER=${compiler}`,
      `-DCMAKE_C_COMPILER=${compiler.replace('clang++', 'clang')}`,
    ];
    await run('cmake', ['-G', 'Ninja', '-S', root, '-B', fuzzBuildFolder, ...settings], {
      cwd: root,
      onLine: () => {},
    });
  }
  const jobs = String(availableParallelism());
  await run('ninja', ['-C', fuzzBuildFolder, '-j', jobs], { cwd: root });
}
