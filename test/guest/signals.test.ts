/** Signals of native code: the checks of signals.c, on plain Node (they are Linux's) and in VMs. */
import { join } from 'node:path';
import { type BootVm, bootProcess } from '@ebbwhisk/libos-node';
import { describe, expect, it } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import { libosTargets } from '../support/libos-targets.ts';
import { addonAction, compileAddon, compilerMissing } from '../support/native-addon.ts';
import { runAction } from './run-action.ts';

const missing = compilerMissing();
let compiled: string | undefined;

function action(): string {
  compiled ??= addonAction(compileAddon(join(import.meta.dirname, 'signals.c')), 'return addon.run();').toString(
    'base64',
  );
  return compiled;
}

function signalChecks(name: string, boot: BootVm): void {
  describe(`signals of native code, ${name}`, () => {
    it('keep what Linux promises', async ({ skip }) => {
      skip(missing !== undefined, missing);
      const { run, exit, stderr } = await runAction(boot, action(), { binary: true });
      expect(exit, stderr).toBeUndefined();
      const results = Object.entries(run?.body as Record<string, string>);
      expect(results.length).toBeGreaterThan(20);
      expect(results.filter(([, result]) => result !== 'ok')).toEqual([]);
    });
  });
}

signalChecks('plain Node', bootProcess);
forTargets(libosTargets, ({ name, boot }) => signalChecks(name, boot));
