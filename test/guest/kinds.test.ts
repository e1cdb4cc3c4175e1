/** The other kinds: the same expectations on each Node, in VMs of both tenders. Images are built on first use. */
import { forOtherKinds } from '../support/other-kinds.ts';
import { guestFeatures } from './features.ts';

forOtherKinds((kind, { name, boot }) => guestFeatures(`${kind}, ${name}`, boot, kind));
