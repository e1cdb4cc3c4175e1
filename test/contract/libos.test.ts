/** The contract on LibOS VMs: both tenders, every profile. */
import { forTargets } from '../support/for-targets.ts';
import { libosTargets } from '../support/libos-targets.ts';
import { actionContract } from './action-contract.ts';

forTargets(libosTargets, ({ name, boot }) => actionContract(`LibOS: ${name}`, boot));
