/** The inspectors of the other kinds. */
import { describe, test } from 'vitest';
import { forOtherKinds } from '../support/other-kinds.ts';
import { inspectorFeatures } from './inspector.ts';

if (process.env.EBBWHISK_TEST_ALL === '1') {
  forOtherKinds((kind, { name, boot }) => inspectorFeatures(`${kind}, ${name}`, boot, kind));
} else {
  describe('inspector of the other kinds', () => {
    test('runs with EBBWHISK_TEST_ALL=1', (context) => context.skip('npm run test:all'));
  });
}
