/** The TypeScript tests of all workspaces, counted by our reporter beside vitest's readable one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modules, projectNode, root } from '../paths.mjs';
import { type Outcome, oneFailure, runProgram, type Suite, withExitStatus } from './suite.ts';

export const vitest: Suite = {
  name: 'vitest',
  async run(signal) {
    const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-test-'));
    const counts = join(folder, 'counts.json');
    try {
      const args = ['run', '--reporter=default', `--reporter=${join(root, 'scripts/test/counts.reporter.ts')}`];
      const status = await runProgram(projectNode, [join(modules, 'vitest/vitest.mjs'), ...args], {
        signal,
        env: { ...process.env, EBBWHISK_TEST_COUNTS: counts },
      });
      return withExitStatus(JSON.parse(readFileSync(counts, 'utf8')) as Outcome, status);
    } catch {
      return oneFailure;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
