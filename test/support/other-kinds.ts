import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { kindNames, rootFolder } from '@ebbwhisk/libos-node';
import { beforeAll, describe } from 'vitest';
import { forTargets } from './for-targets.ts';
import { type LibosTarget, libosTenders } from './libos-targets.ts';

/** Runs `suite` for every kind but the default one, under each tender; builds the kind's image first when it is stale. */
export function forOtherKinds(suite: (kind: string, target: LibosTarget) => void): void {
  for (const kind of kindNames.filter((name) => name !== 'nodejs:24')) {
    describe(kind, () => {
      beforeAll(() => {
        execFileSync(process.execPath, [join(rootFolder, 'images/src/cli.ts'), '--kind', kind, '--if-stale']);
      });
      forTargets(libosTenders, (target) => suite(kind, target));
    });
  }
}
