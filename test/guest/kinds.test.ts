/** The other kinds: the same expectations on each Node, in VMs of both tenders. Images are built on first use. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { rootFolder } from '@ebbwhisk/libos-node';
import { beforeAll, describe } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';
import { guestFeatures } from './features.ts';

for (const kind of ['nodejs:20', 'nodejs:22', 'nodejs:26']) {
  describe(kind, () => {
    beforeAll(() => {
      execFileSync(process.execPath, [join(rootFolder, 'images/src/cli.ts'), '--kind', kind, '--if-stale']);
    });
    forTargets(libosTenders, ({ name, boot }) => guestFeatures(`${kind}, ${name}`, boot, kind));
  });
}
