/** The corpus under the process tender; see suite.ts. */
import { libosTargets } from '../support/libos-targets.ts';
import { compatibility, documentation } from './suite.ts';

documentation();
compatibility(
  'nodejs:24',
  libosTargets.filter(({ tender }) => tender === 'process'),
);
