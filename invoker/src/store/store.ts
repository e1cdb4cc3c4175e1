/**
 * What the invoker needs of the entity and activation databases. The embedded SQLite store (controller-adapter) and later
 * CouchDB implement it. Documents travel as JSON text so that number spellings (12345678901234567890, 1.0) survive.
 */

export interface ActionStore {
  /**
   * The action document (openwhisk.md 1.8 shape, `exec.code` inlined as a string: source text, or base64 when `exec.binary`) as JSON text with `_id` and `_rev`.
   * With `revision`, that revision when it is still current, else the newest. Undefined when there is none.
   */
  getAction(id: string, revision?: string): Promise<string | undefined>;
}

export interface ActivationStore {
  /** Stores one activation record (openwhisk.md 1.9 shape, with `_id`), JSON text. */
  putActivation(record: string): Promise<void>;
}
