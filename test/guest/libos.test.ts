import { forTargets } from '../support/for-targets.ts';
import { libosTargets } from '../support/libos-targets.ts';
import { guestFeatures } from './features.ts';

forTargets(libosTargets, ({ name, boot }) => guestFeatures(name, boot));
