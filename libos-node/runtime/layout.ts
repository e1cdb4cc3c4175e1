/**
 * What the guest holds of the action runtime, and where: the one list that the image builder and the plain-process target use, so
 * that both run the very same files.
 *
 *     /nodejsAction/main.js ...   the runtime (sources here are .ts; `stripTypes` makes the .js)
 *     /node_modules/...           the bundled packages: at the root, so that they are found from everywhere,
 *                                 after an archive's own node_modules
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageFiles, placePackages } from './packages.ts';

export { toCommonJs as stripTypes } from './common-js.ts';

export interface RuntimeFile {
  /** Absolute path here. A `.ts` file has to go through `stripTypes`. */
  readonly from: string;
  /** Absolute path in the guest. */
  readonly to: string;
}

const runtimeFolder = import.meta.dirname;
const guestFolder = '/nodejsAction';

/** The script that the guest's Node runs. */
export const runtimeEntry = `${guestFolder}/main.js`;

/** Every file of the runtime and its packages, in a fixed order. */
export function runtimeFiles(): RuntimeFile[] {
  return [...runtimeSources(), ...runtimePackages()];
}

/** The runtime's own files. */
export function runtimeSources(): RuntimeFile[] {
  const sources = join(runtimeFolder, 'src');
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .sort();
  return [
    { from: join(runtimeFolder, 'guest-package.json'), to: `${guestFolder}/package.json` },
    ...files.map((path) => ({ from: join(sources, path), to: `${guestFolder}/${path.replace(/\.ts$/, '.js')}` })),
  ];
}

function runtimePackages(): RuntimeFile[] {
  return placePackages(runtimeFolder).flatMap(({ from, to }) =>
    packageFiles(from).map((path) => ({ from: join(from, path), to: `/${to}/${path}` })),
  );
}
