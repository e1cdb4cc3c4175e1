/** The corpus under KVM; see suite.ts. A file of its own, so that it can run beside the other. */
import { libosTargets } from '../support/libos-targets.ts';
import { compatibility } from './suite.ts';

compatibility(
  'nodejs:24',
  libosTargets.filter(({ tender }) => tender === 'kvm'),
);
