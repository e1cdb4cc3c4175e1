/** The fuzz targets and their folders: in the repository a seed corpus, in the state folder what runs find. */
import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { root, stateFolder } from '../paths.mjs';
import { fuzzBinaries } from '../setup/fuzz.mjs';

export interface Target {
  readonly name: string;
  readonly binary: string;
  /** Options of libFuzzer that belong to the target. */
  readonly options: readonly string[];
  /** Kept with the source: seeds, and the cases of what was found once. */
  readonly seeds: string;
  /** What runs on this machine found new; may be deleted. */
  readonly corpus: string;
  readonly findings: string;
}

const sources = join(root, 'libos-node', 'fuzz');

export const targetNames: readonly string[] = globSync('*/target.cc', { cwd: sources }).map(dirname).sort();

export function targetOf(name: string): Target {
  const state = join(stateFolder, 'fuzz', name);
  const target: Target = {
    name,
    binary: join(fuzzBinaries, name),
    options: optionsOf(name),
    seeds: join(sources, name, 'corpus'),
    corpus: join(state, 'corpus'),
    findings: join(state, 'findings'),
  };
  for (const folder of [target.corpus, target.findings]) mkdirSync(folder, { recursive: true });
  return target;
}

/** CMake writes the longest input that is worth trying beside the binary. */
function optionsOf(name: string): readonly string[] {
  const options = readFileSync(join(fuzzBinaries, `${name}.options`), 'utf8').trim();
  const dictionary = join(sources, name, 'dictionary');
  return [...options.split(/\s+/), ...(existsSync(dictionary) ? [`-dict=${dictionary}`] : [])];
}

/** How to see a finding again. */
export function reproduction(target: Target, file: string): string {
  return `${target.binary} ${file}    # then keep it: cp ${file} ${join(target.seeds, basename(file))}`;
}
