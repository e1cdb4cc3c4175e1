/** Profile `ebb` with Node's own libuv overwritten: whatever called it would die. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBootLibos, rootFolder } from '@ebbwhisk/libos-node';
import { afterAll, beforeAll } from 'vitest';
import { actionContract } from '../contract/action-contract.ts';
import { libosTargets } from '../support/libos-targets.ts';
import { compatibility } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'ebb-poisoned-'));
const all = process.env.EBBWHISK_TEST_ALL === '1';
const kinds = all ? ['nodejs:22', 'nodejs:24', 'nodejs:26'] : ['nodejs:24'];
const bootPoisoned = createBootLibos({ imagesFolder: folder });

const targets = libosTargets
  .filter(({ profile }) => profile === 'ebb')
  .map((target) => ({
    ...target,
    name: `${target.name}, own libuv overwritten`,
    boot: ((options) => bootPoisoned({ ...options, tender: target.tender, profile: 'ebb' })) as typeof target.boot,
  }));

beforeAll(() => {
  const cli = join(rootFolder, 'images/src/cli.ts');
  for (const kind of kinds)
    execFileSync(process.execPath, [cli, '--kind', kind, '--profile', 'ebb', '--poison-libuv', '--out', folder]);
});
afterAll(() => rmSync(folder, { recursive: true }));

for (const kind of kinds) {
  compatibility(kind, targets);
  if (all) for (const { name, boot } of targets) actionContract(`${kind}, ${name}`, boot, { kind });
}
