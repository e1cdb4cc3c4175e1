/** An implementation of an Ebb is swapped by a line of the image's manifest alone; actions do not change. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBootLibos, defaultProfile, rootFolder } from '@ebbwhisk/libos-node';
import { afterAll, describe, expect, test } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';
import { runAction } from './run-action.ts';

const folder = mkdtempSync(join(tmpdir(), 'ebb-images-'));
afterAll(() => rmSync(folder, { recursive: true }));

const images = new Map<string, string>();

/** Folder with an image whose set of Ebbs differs from the default by this line. */
function imageWith(line: string): string {
  let out = images.get(line);
  if (out === undefined) {
    out = mkdtempSync(join(folder, 'set-'));
    const cli = join(rootFolder, 'images/src/cli.ts');
    execFileSync(process.execPath, [
      cli,
      '--kind',
      'nodejs:24',
      '--profile',
      defaultProfile,
      '--ebb',
      line,
      '--out',
      out,
    ]);
    images.set(line, out);
  }
  return out;
}

const code = `async function main() {
  console.log('spoken');
  const outside = await new Promise((resolve) => require('net').connect(9, '10.0.2.2').on('connect', resolve).on('error', (e) => resolve(e.code)));
  return { outside };
}`;

forTargets(libosTenders, ({ name, tender }) => {
  describe(`Ebb set: ${name}`, () => {
    test('Console=silent: output goes nowhere, the action runs', async () => {
      const boot = createBootLibos({ imagesFolder: imageWith('Console=silent') });
      const outcome = await runAction((options) => boot({ ...options, tender }), code);
      expect(outcome.run?.status).toBe(200);
      expect(outcome.stdout).toBe('');
    });

    test('Console=ring, the default: output arrives', async () => {
      const boot = createBootLibos({});
      const outcome = await runAction((options) => boot({ ...options, tender }), code);
      expect(outcome.stdout).toContain('spoken\n');
      expect(outcome.run?.body).toEqual({ outside: 'EACCES' });
    });

    test('GeneralPurposeAllocator=page: the whole kernel allocates by the page', async () => {
      const boot = createBootLibos({ imagesFolder: imageWith('GeneralPurposeAllocator=page') });
      const outcome = await runAction((options) => boot({ ...options, tender }), code);
      expect(outcome.run?.body).toEqual({ outside: 'EACCES' });
    });

    test('an implementation that does not exist ends the boot and is named', async () => {
      const boot = createBootLibos({ imagesFolder: imageWith('Console=klingon') });
      await expect(runAction((options) => boot({ ...options, tender }), code)).rejects.toMatchObject({
        code: 'VM_BOOT_FAILED',
        message: expect.stringContaining('ebb.Console=klingon') as unknown,
      });
    });
  });
});
