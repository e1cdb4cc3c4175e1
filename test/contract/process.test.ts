/** The contract on the plain-process target, the baseline that the others are compared with. */
import { bootProcess } from '@ebbwhisk/libos-node';
import { actionContract } from './action-contract.ts';

actionContract('plain process', bootProcess);
