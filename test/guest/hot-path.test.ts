/** A warm VM that answers invocations: no system call traps, and at ebb none is made for I/O at all. */
import type { VmStats } from '@ebbwhisk/libos-node';
import { describe, expect, test } from 'vitest';
import { uniqueFunction } from '../../loadgen/src/functions.ts';
import { newInstance } from '../../loadgen/src/vm/vms.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTargets } from '../support/libos-targets.ts';

const warmUps = 300;
const invocations = 200;

forTargets(
  libosTargets.filter(({ profile }) => profile !== 'general'),
  ({ name, tender, profile, boot }) => {
    describe(`hot invocations: ${name}`, () => {
      test('trap nowhere, and exit as often as they wait', async () => {
        const measured = uniqueFunction();
        const options = { kind: 'nodejs:24', memoryMb: 256, tender, profile };
        const instance = await newInstance({ boot, options }, AbortSignal.any([]));
        try {
          await instance.init(measured);
          for (let n = 0; n < warmUps; n += 1) await instance.run(measured, n);
          const before = await instance.vm.stats();
          for (let n = 0; n < invocations; n += 1) await instance.run(measured, n);
          const after = await instance.vm.stats();
          const grown = (key: keyof VmStats): number => Number(after[key]) - Number(before[key]);
          expect(grown('syscallsTrapped')).toBe(0);
          // One for the request, one for its log; a timer may be due now and then.
          expect(grown('enters') / invocations).toBeLessThan(2.5);
          if (profile === 'ebb') expect(grown('syscalls') / invocations).toBeLessThan(1);
        } finally {
          await instance.end();
        }
      });
    });
  },
);
