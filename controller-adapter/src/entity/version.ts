/** Versions of entities: `major.minor.patch`, an update counts up the patch. */

import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import { apiError } from '../errors.ts';

export const firstVersion = '0.0.1';

/** Reads `1`, `1.2` or `1.2.3`; what follows a third part is ignored, as in OpenWhisk. 0.0.0 is not a version. */
export function decodeVersion(json: Json): string {
  const parts = typeof json === 'string' ? json.split('.', 3) : [];
  if (parts.length === 0 || !parts.every((part) => /^\d{1,9}$/.test(part))) throw malformed();
  const [major = 0, minor = 0, patch = 0] = parts.map(Number);
  if (major === 0 && minor === 0 && patch === 0) throw malformed();
  return `${major}.${minor}.${patch}`;
}

export function nextVersion(version: string): string {
  const [major = '0', minor = '0', patch = '0'] = version.split('.');
  return `${major}.${minor}.${Number(patch) + 1}`;
}

function malformed(): Error {
  return apiError('MALFORMED_CONTENT', 'semantic version malformed');
}
