/**
 * A garbage collection when whoever drives the contract asks for it: before a snapshot of a function whose loading left much of it. Without one, the
 * texts that an action came in (body, JSON, code) and V8's young generation would be copied into every clone of the snapshot.
 *
 * Made ready in templates, so that the action sees neither the function nor the flag; elsewhere there are no snapshots, and nothing is done.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let run: (() => void) | undefined;

export function prepareCollect(): void {
  setFlagsFromString('--expose-gc');
  run ??= runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
}

export function collect(): void {
  run?.();
}
