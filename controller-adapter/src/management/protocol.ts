/** What travels over the management socket, one schema each, and where that socket lies. Both sides use this file. */

import { join } from 'node:path';
import { type Static, type TSchema, Type } from 'typebox';

/** Beside the database, so that who may read the data may manage the stack, and nobody else. */
export function controlPath(dataDir: string): string {
  return join(dataDir, 'control.sock');
}

/** Crash reports of the VMs of the stack on that folder. */
export function reportsPath(dataDir: string): string {
  return join(dataDir, 'reports');
}

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** One VM. Null is what is not known: of a VM that is starting or ending, or that its target does not count. */
export const vmRow = Type.Object({
  id: orNull(Type.String()),
  /** Invocation namespace. */
  namespace: Type.String(),
  /** Namespace and name of the action. */
  action: Type.String(),
  revision: Type.String(),
  state: Type.Union([Type.Literal('starting'), Type.Literal('idle'), Type.Literal('busy'), Type.Literal('ending')]),
  /** How the VM itself was started. */
  start: orNull(Type.Union([Type.Literal('cold'), Type.Literal('warm'), Type.Literal('hot')])),
  /** What it was made from. */
  origin: orNull(Type.Union([Type.Literal('boot'), Type.Literal('template'), Type.Literal('snapshot')])),
  /** Activations in progress, and done. */
  active: Type.Integer(),
  served: Type.Integer(),
  memoryLimitMb: Type.Number(),
  memoryBytes: orNull(Type.Number()),
  cpuMs: orNull(Type.Number()),
  exits: orNull(Type.Number()),
  /** As VmStats has it. */
  faults: orNull(Type.Number()),
  uptimeMs: orNull(Type.Number()),
  pids: Type.Array(Type.Integer()),
});
export type VmRow = Static<typeof vmRow>;
export const vmRows = Type.Array(vmRow);

export const logLine = Type.Object({
  time: Type.Number(),
  stream: Type.Union([Type.Literal('stdout'), Type.Literal('stderr')]),
  text: Type.String(),
});

export const killed = Type.Object({
  id: Type.String(),
  /** ExitReport.reason: `ended` unless the VM was quicker. */
  reason: Type.String(),
});
export type Killed = Static<typeof killed>;

export const failure = Type.Object({ code: Type.String(), error: Type.String() });
