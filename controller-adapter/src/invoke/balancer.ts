/**
 * Which invoker gets an activation. An action of a namespace has a home among the invokers and, when that one cannot be
 * used, a fixed order of others, so that it finds its warm containers again.
 */

export interface Balancer {
  /** One of `healthy` (ascending instance numbers), undefined when there is none. */
  choose(namespace: string, action: string, healthy: readonly number[]): number | undefined;
}

/**
 * Rendezvous hashing: the invoker with the highest weight for this action. When one comes or goes, only the actions
 * that it wins or had won move. Left out: the load of the invokers.
 */
export const hashBalancer: Balancer = {
  choose(namespace, action, healthy) {
    let best: number | undefined;
    let bestWeight = -1;
    for (const instance of healthy) {
      const weight = hash(`${namespace}\0${action}\0${instance}`);
      if (weight > bestWeight) {
        best = instance;
        bestWeight = weight;
      }
    }
    return best;
  },
};

/** FNV-1a with a final mix: FNV alone leaves the last character, here the instance, weak in the high bits. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
