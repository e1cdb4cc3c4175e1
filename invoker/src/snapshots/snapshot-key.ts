/**
 * What a snapshot is of. Invariant: equal keys mean that /init would have got the same, from the same namespace, on the same sort of VM; what
 * differs between activations (their id, deadline, API key) comes with /run.
 */

import { createHash } from 'node:crypto';

export interface SnapshotKey {
  /** The one that invokes. */
  readonly namespace: string;
  /** `ns/[pkg/]name`. */
  readonly action: string;
  readonly revision: string;
  /** Digest of all else: kind, memory, tender, what /init adds to the environment. */
  readonly variant: string;
}

export function snapshotKey(
  namespace: string,
  action: string,
  revision: string,
  others: Readonly<Record<string, unknown>>,
): SnapshotKey {
  return { namespace, action, revision, variant: digest(Object.entries(others)) };
}

/** For maps and file names. */
export function keyText({ namespace, action, revision, variant }: SnapshotKey): string {
  return digest([namespace, action, revision, variant]);
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}
