/** The same expectations on plain Node: they are Node's, not ours. */
import { bootProcess } from '@ebbwhisk/libos-node';
import { guestFeatures } from './features.ts';

guestFeatures('plain Node', bootProcess);
