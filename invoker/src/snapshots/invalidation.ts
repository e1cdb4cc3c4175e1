/**
 * Drops the snapshots of actions that were changed or deleted: at once when the controller says so (OpenWhisk's topic `cacheInvalidation`),
 * and at the start for what happened while this invoker was away.
 */

import { type Static, Type } from 'typebox';
import { readAction } from '../actions/executable-action.ts';
import type { Bus, Consumer } from '../bus/bus.ts';
import { checker, parseObject } from '../protocol/schema.ts';
import type { ActionStore } from '../store/store.ts';
import type { SnapshotCache } from './snapshot-cache.ts';

export const invalidationTopic = 'cacheInvalidation';

const InvalidationSchema = Type.Object({
  key: Type.Object({ mainId: Type.String() }),
  instanceId: Type.String(),
});

const checkInvalidation = checker('CacheInvalidationMessage', InvalidationSchema);

export function serialiseInvalidation(action: string, instanceId: string): string {
  return JSON.stringify({ key: { mainId: action }, instanceId } satisfies Static<typeof InvalidationSchema>);
}

/** Every invoker hears of all changes. Messages that are none of actions drop nothing. */
export async function followInvalidations(bus: Bus, instance: number, cache: SnapshotCache): Promise<Consumer> {
  await bus.ensureTopic(invalidationTopic);
  const group = `${invalidationTopic}-invoker${instance}`;
  return bus.consume(invalidationTopic, group, { maxInFlight: 1 }, (text) => {
    const { key } = checkInvalidation(parseObject('CacheInvalidationMessage', text));
    cache.dropAction(key.mainId, 'the action changed');
    return Promise.resolve();
  });
}

/** Actions that the store cannot tell about keep theirs. */
export async function sweep(actions: ActionStore, cache: SnapshotCache): Promise<void> {
  for (const [action] of cache.actions()) {
    let document: string | undefined;
    let revision: string | undefined;
    try {
      document = await actions.getAction(action);
      revision = document === undefined ? undefined : readAction(document).revision;
    } catch {
      continue;
    }
    cache.dropAction(action, document === undefined ? 'the action is no more' : 'the action changed', revision);
  }
}
