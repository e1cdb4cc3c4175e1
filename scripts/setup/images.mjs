/**
 * The images that `npm start` and the tests boot from. What is stale is the builder's to judge (it hashes its inputs);
 * with --if-stale it does nothing, and says nothing, for a fresh image.
 */
import { projectNode, root } from '../paths.mjs';
import { run } from '../processes.mjs';

const kind = 'nodejs:24';
const profiles = ['general', 'bypass', 'ebb'];

export async function buildImages() {
  for (const profile of profiles) {
    await run(projectNode, ['images/src/cli.ts', '--kind', kind, '--profile', profile, '--if-stale'], { cwd: root });
  }
}
