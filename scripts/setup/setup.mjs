/**
 * Makes a checkout ready: idempotent, incremental, one at a time. A part that is in order costs milliseconds, so every
 * command runs the set-up it needs and nobody has to remember it.
 */
import { stateFolder } from '../paths.mjs';
import { buildPackages, ensureDebianPackages, runtimePackages } from './debian.mjs';
import { ensureFuzzCompiler } from './fuzz.mjs';
import { buildImages } from './images.mjs';
import { locked } from './lock.mjs';
import { buildNative } from './native.mjs';
import { ensureNpmPackages } from './npm.mjs';

/**
 * How far: `node` is what it takes to run the project's TypeScript, `native` adds the C++ build, `all` the images.
 * @typedef {'node' | 'native' | 'all'} Extent
 */

/**
 * @param {Extent} extent
 * @param {{ fuzz: boolean }} options `fuzz`: the fuzz targets' compiler, where it can be had
 */
export function setUp(extent, { fuzz }) {
  return locked(stateFolder, async () => {
    // First of all: `npm run` takes its node from node_modules once that exists, so it must be able to start by then.
    await ensureDebianPackages(extent === 'node' ? runtimePackages : [...runtimePackages, ...buildPackages]);
    if (fuzz) await ensureFuzzCompiler();
    await ensureNpmPackages();
    if (extent !== 'node') await buildNative();
    if (extent === 'all') await buildImages();
  });
}
