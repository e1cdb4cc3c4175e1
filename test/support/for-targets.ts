import { describe, test } from 'vitest';
import type { LibosTarget } from './libos-targets.ts';

/** Runs `suite` for each target, or one skipped test that says why not. */
export function forTargets(targets: readonly LibosTarget[], suite: (target: LibosTarget) => void): void {
  for (const target of targets) {
    if (target.unusable === undefined) {
      suite(target);
    } else {
      const reason = target.unusable;
      describe(target.name, () => {
        test('can run on this machine', (context) => context.skip(reason));
      });
    }
  }
}
