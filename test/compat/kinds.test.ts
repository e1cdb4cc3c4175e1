/** The other kinds, under both tenders and every profile: long, so with `npm run test:all` only. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { kindNames, profiles, rootFolder } from '@ebbwhisk/libos-node';
import { beforeAll, describe, test } from 'vitest';
import { libosTargets } from '../support/libos-targets.ts';
import { compatibility } from './suite.ts';

if (process.env.EBBWHISK_TEST_ALL === '1') {
  for (const kind of kindNames.filter((name) => name !== 'nodejs:24')) {
    describe(kind, () => {
      beforeAll(() => {
        for (const profile of profiles) {
          const args = ['--kind', kind, '--profile', profile, '--if-stale'];
          execFileSync(process.execPath, [join(rootFolder, 'images/src/cli.ts'), ...args]);
        }
      });
      compatibility(kind, libosTargets);
    });
  }
} else {
  test('the corpus on Node 20, 22 and 26', (context) => context.skip('long: npm run test:all'));
}
