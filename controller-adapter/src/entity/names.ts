/** Names of entities, namespaces and activations as they stand in a URL: what is legal, and how the rest is refused. */

import { apiError } from '../errors.ts';

const kMaxLength = 256;
// First a word character, then word characters, space, @ . & -, not ending in a space; ASCII only.
const kName = /^(?:\w|\w[\w@ .&-]{0,254}[\w@.&-])$/;

export function isEntityName(name: string): boolean {
  return kName.test(name);
}

export function checkEntityName(segment: string): string {
  if (kName.test(segment)) return segment;
  // The spelling of "segement" is the stock text.
  if (segment.length > kMaxLength) throw apiError('NAME_TOO_LONG', 'Name segement', segment.length, kMaxLength);
  throw apiError('NAME_ILLEGAL');
}

/** Resolves `_` to the caller's namespace. */
export function checkNamespace(segment: string, own: string): string {
  if (segment === '_') return own;
  if (kName.test(segment)) return segment;
  if (segment.length > kMaxLength) throw apiError('NAME_TOO_LONG', 'Namespace', segment.length, kMaxLength);
  throw apiError('NAMESPACE_ILLEGAL');
}

export function checkActivationId(segment: string): string {
  if (segment.length !== 32) throw apiError('ACTIVATION_ID_LENGTH', segment.length);
  if (!/^[0-9a-f]{32}$/.test(segment)) throw apiError('ACTIVATION_ID_ILLEGAL');
  return segment;
}
