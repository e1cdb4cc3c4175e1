/** The contract on the other kinds: long, so with `npm run test:all` only. */
import { test } from 'vitest';
import { forOtherKinds } from '../support/other-kinds.ts';
import { actionContract } from './action-contract.ts';

if (process.env.EBBWHISK_TEST_ALL === '1') {
  forOtherKinds((kind, { name, boot }) => actionContract(`${kind}, ${name}`, boot, { kind }));
} else {
  test('the contract on Node 20, 22 and 26', (context) => context.skip('long: npm run test:all'));
}
