/**
 * Where an action's files go. In the guest image the bundled packages lie in /node_modules, so that Node's own look-up finds them
 * from everywhere, after an archive's own node_modules. Where the runtime lies elsewhere (plain process) a link
 * beside the files has the same effect.
 */
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The folder of this file; what an action of source text sees as its own. */
export const runtimeFolder = __dirname;

/** The parent of the runtime's folder holds node_modules with the bundled packages. */
const packagesParent = dirname(runtimeFolder);

/** A new empty folder from whose files the bundled packages can be required and imported. */
export function makeWorkFolder(): string {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'action-')));
  if (packagesParent !== '/') symlinkSync(join(packagesParent, 'node_modules'), join(parent, 'node_modules'));
  const folder = join(parent, 'code');
  mkdirSync(folder);
  return folder;
}
