/**
 * The packages that actions may require without bringing them, and everything these need: collected from the installed
 * node_modules (whose versions the lock file fixes) and laid out for one node_modules folder of the guest.
 *
 * Invariant: in the guest's layout every package finds, by Node's look-up, exactly the copy of each dependency that it finds here.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface PlacedPackage {
  readonly name: string;
  readonly version: string;
  /** The installed folder. */
  readonly from: string;
  /** Path below the guest's root: `node_modules/a/node_modules/b`. */
  readonly to: string;
}

/** What no program reads. */
const skippedFile = /\.(?:d\.[cm]?ts|map|md|markdown|flow)$/i;

/** The closure of the dependencies of the package at `root`, each at its place; sorted by place. */
export function placePackages(root: string): PlacedPackage[] {
  const placed = new Map<string, PlacedPackage>();
  const wanted: { readonly name: string; readonly from: string; readonly at: string }[] = [];
  const queue: PlacedPackage[] = [];

  const require = (owner: string, at: string): void => {
    for (const { name, optional } of dependenciesOf(readManifest(owner))) {
      const from = findInstalled(owner, name);
      if (from === undefined) {
        if (optional) continue;
        throw new Error(`Package ${name}, needed by ${owner}, is not installed; \`npm run setup\` installs it.`);
      }
      wanted.push({ name, from, at });
      const found = lookUp(placed, at, name);
      if (found?.from === from) continue;
      // The outermost free place; beside its user when another copy is in the way.
      const to = found === undefined ? `node_modules/${name}` : join(at, 'node_modules', name);
      const entry = { name, version: readManifest(from).version, from, to };
      placed.set(to, entry);
      queue.push(entry);
    }
  };

  require(root, '');
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) require(next.from, next.to);
  for (const { name, from, at } of wanted) {
    if (lookUp(placed, at, name)?.from !== from)
      throw new Error(`Package ${name} of ${at} has no place in the layout.`);
  }
  return [...placed.values()].sort((a, b) => (a.to < b.to ? -1 : 1));
}

/** Paths of a package's own files, relative to its folder, sorted. */
export function packageFiles(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(below, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : packageFiles(folder, path);
      return entry.isFile() && !skippedFile.test(entry.name) ? [path] : [];
    });
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function dependenciesOf(manifest: Manifest): { name: string; optional: boolean }[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  return [
    ...Object.keys(dependencies).map((name) => ({ name, optional: name in optionalDependencies })),
    ...Object.keys(optionalDependencies).map((name) => ({ name, optional: true })),
    ...Object.keys(peerDependencies).map((name) => ({ name, optional: peerDependenciesMeta[name]?.optional === true })),
  ];
}

function findInstalled(owner: string, name: string): string | undefined {
  for (let folder = realpathSync(owner); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (folder === dirname(folder)) return undefined;
  }
}

/** Node's look-up in the guest's layout, from the package at `at` outwards. */
function lookUp(placed: ReadonlyMap<string, PlacedPackage>, at: string, name: string): PlacedPackage | undefined {
  const inside = placed.get(join(at, 'node_modules', name));
  if (inside !== undefined || at === '') return inside;
  const outer = at.lastIndexOf('/node_modules/');
  return lookUp(placed, outer === -1 ? '' : at.slice(0, outer), name);
}
