/** The embedded store: entities and activations in one SQLite file of the data folder. */

import { join } from 'node:path';
import { SqliteActivationStore } from './activations.ts';
import { Database } from './database.ts';
import { SqliteEntityStore } from './entities.ts';

export interface SqliteStore {
  readonly entities: SqliteEntityStore;
  readonly activations: SqliteActivationStore;
  /** Writes what is waiting and closes the file. */
  close(): void;
}

/** Opens or creates `ebbwhisk.sqlite` in the folder, which must exist. */
export function openStore(dataDir: string): SqliteStore {
  const database = new Database(join(dataDir, 'ebbwhisk.sqlite'));
  const activations = new SqliteActivationStore(database);
  return {
    entities: new SqliteEntityStore(database),
    activations,
    close() {
      activations.flush();
      database.close();
    },
  };
}
