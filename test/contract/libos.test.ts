/** The contract on LibOS VMs: both tenders, every profile; what lies between the two ends of the dial with `npm run test:all` only. */
import { test } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import { libosTargets } from '../support/libos-targets.ts';
import { actionContract } from './action-contract.ts';

const all = process.env.EBBWHISK_TEST_ALL === '1';
const targets = libosTargets.filter(({ profile }) => all || profile !== 'bypass');

forTargets(targets, ({ name, boot }) => actionContract(`LibOS: ${name}`, boot));
if (!all) test('the contract at bypass', (context) => context.skip('long: npm run test:all'));
