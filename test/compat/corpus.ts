/** The programs of the corpus, and the archive that carries all of them into a VM as one action. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zip } from '@ebbwhisk/action-runtime/testing/archives';

const folder = import.meta.dirname;

/** Programs of this topic get a VM of their own: they end it, or need one in which nothing ran. */
const ownVmTopic = 'fresh';

/** What programs import, and programs that show what is not as on plain Node (differences.ts). */
const notCompared = ['support', 'differences'];

export interface Program {
  /** `topic/name.mjs`, below programs/. */
  readonly name: string;
  readonly ownVm: boolean;
}

/** Programs whose name contains one of `parts`; all of them when there are none. */
export function programs(parts: readonly string[] = []): readonly Program[] {
  return globSync('*/*.{mjs,cjs}', { cwd: join(folder, 'programs') })
    .filter((name) => !notCompared.some((topic) => name.startsWith(`${topic}/`)))
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)))
    .sort()
    .map((name) => ({ name, ownVm: name.startsWith(`${ownVmTopic}/`) }));
}

let archive: Buffer | undefined;

/** The action: the runner as its entry, the programs beside it. */
export function corpusArchive(): Buffer {
  archive ??= zip([
    ['package.json', JSON.stringify({ type: 'module' })],
    ['index.js', readFileSync(join(folder, 'runner.mjs'))],
    ...globSync('programs/**/*.*', { cwd: folder })
      .sort()
      .map((name) => [name, readFileSync(join(folder, name))] as const),
  ]);
  return archive;
}
