/**
 * What the controller needs of the databases, beyond what the invoker does (invoker/src/store/store.ts). The embedded
 * SQLite store implements it; a CouchDB would. List entries and activation records are JSON text, passed on unparsed.
 */

import type { ActionStore, ActivationStore } from '@ebbwhisk/invoker/store/store.ts';
import type { ActionDocument } from '../entity/action.ts';

export interface StoredAction {
  /** `namespace/name`. */
  readonly id: string;
  /** `N-<hash>`, new with every write. */
  readonly revision: string;
  readonly document: ActionDocument;
}

export interface ListWindow {
  readonly skip: number;
  readonly limit: number;
}

export interface EntityStore extends ActionStore {
  readAction(id: string): Promise<StoredAction | undefined>;
  /** Source text, or base64 of a binary. */
  readCode(id: string): Promise<string | undefined>;
  /**
   * Writes the document and, when given, its code; returns the new revision. `expected` is the revision that was read,
   * undefined for a new document. Rejects with ConflictError when the stored one differs.
   */
  writeAction(document: ActionDocument, code: string | undefined, expected: string | undefined): Promise<string>;
  /** Rejects with ConflictError when the stored revision is not `expected`. */
  deleteAction(id: string, expected: string): Promise<void>;
  /** Entries as `summariseAction` shows them, the latest update first. */
  listActions(namespace: string, window: ListWindow): Promise<readonly string[]>;
  countActions(namespace: string): Promise<number>;
}

export interface ActivationQuery {
  readonly namespace: string;
  /** `name` or `package/name`. */
  readonly path?: string;
  /** Start time, milliseconds since the epoch, both inclusive. */
  readonly since?: number;
  readonly upto?: number;
}

export interface ActivationReader extends ActivationStore {
  /** The record as it was put, undefined when there is none. */
  readActivation(namespace: string, activationId: string): Promise<string | undefined>;
  /** The latest start first: whole records with `docs`, else entries as `summariseActivation` shows them. */
  listActivations(query: ActivationQuery, window: ListWindow, docs: boolean): Promise<readonly string[]>;
  countActivations(query: ActivationQuery): Promise<number>;
}
