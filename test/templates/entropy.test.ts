/**
 * Uniqueness fails closed: a clone whose host has no entropy dies, and says why, before it serves anything; so does a clone of a function. The host's
 * getrandom really fails there: by a seccomp filter that lies around the whole tender.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type CloneOptions, Templates, tenderPath, type VmError } from '@ebbwhisk/libos-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../contract/session.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const withoutEntropy = join(dirname(tenderPath), 'test/ebb_without_entropy');

forTargets(libosTenders, ({ tender, name }) => {
  describe(`a host without entropy: ${name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'ebb-entropy-'));
    const functionSnapshot = join(folder, 'function');
    const options = { kind: 'nodejs:24', memoryMb: 256, tender } as const;
    const launcher = join(folder, 'launcher');
    const poor = new Templates({ folder, tenderPath: launcher, reportsFolder: folder });

    beforeAll(async () => {
      // Neither a template nor a function's file can be made there.
      const rich = new Templates({ folder });
      await rich.prepare(options);
      const session = new Session(await rich.clone(options));
      await session.init('function main() { return { random: Math.random() }; }');
      await session.run({});
      await session.vm.snapshot(functionSnapshot);
      await rich.close();
      writeFileSync(launcher, `#!/bin/sh\nexec '${withoutEntropy}' '${tenderPath}' "$@"\n`);
      chmodSync(launcher, 0o755);
    });
    afterAll(async () => {
      await poor.close();
      rmSync(folder, { recursive: true });
    });

    const refusal = (more: Partial<CloneOptions>): Promise<VmError> =>
      poor.clone({ ...options, ...more }).then(
        async (vm) => {
          await vm.end();
          throw new Error('it serves');
        },
        (error: VmError) => error,
      );

    test.each([
      ['template', {}],
      ['function', { functionSnapshot }],
    ])('has no clones of a %s', async (_, more) => {
      await poor.prepare(options);
      const { code, message } = await refusal(more);
      expect(code).toBe('VM_BOOT_FAILED');
      // A guest process that is gone before its tender looks at it for the first time has no last word.
      const panic = /reason: fault.*LibOS panic: .*hypercall::Random/s;
      expect(message).toMatch(tender === 'kvm' || message.includes('reason: fault') ? panic : /reason: tender/);
    });
  });
});
