/** The contract on the other kinds: long, so with `npm run test:all` only. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { rootFolder } from '@ebbwhisk/libos-node';
import { beforeAll, describe, test } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';
import { actionContract } from './action-contract.ts';

if (process.env.EBBWHISK_TEST_ALL === '1') {
  for (const kind of ['nodejs:20', 'nodejs:22', 'nodejs:26']) {
    describe(kind, () => {
      beforeAll(() => {
        execFileSync(process.execPath, [join(rootFolder, 'images/src/cli.ts'), '--kind', kind, '--if-stale']);
      });
      forTargets(libosTenders, ({ name, boot }) => actionContract(`${kind}, ${name}`, boot, { kind }));
    });
  }
} else {
  test('the contract on Node 20, 22 and 26', (context) => context.skip('long: npm run test:all'));
}
