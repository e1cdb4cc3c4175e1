import { bootProcess, defaultProfile } from '@ebbwhisk/libos-node';
import { forTargets } from '../support/for-targets.ts';
import { libosTargets } from '../support/libos-targets.ts';
import { exposedPorts, inspectorFeatures } from './inspector.ts';

forTargets(libosTargets, ({ name, boot, profile }) => {
  inspectorFeatures(name, boot);
  if (profile === defaultProfile) exposedPorts(name, boot);
});
inspectorFeatures('plain Node', bootProcess);
