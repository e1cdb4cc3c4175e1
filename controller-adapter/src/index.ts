/** The controller as a library: API, activator, store and users; `standalone/stack.ts` puts them together. */

export { type ApiOptions, createApi } from './api/server.ts';
export { guest, loadUsers, type UserLimits, Users, type UsersFile } from './auth/users.ts';
export { ApiError, SetupError } from './errors.ts';
export { Activator, type ActivatorOptions } from './invoke/activator.ts';
export { type ControllerSettings, knownKinds, localSettings, stockSettings, stockThrottles } from './settings.ts';
export { openStore, type SqliteStore } from './store/sqlite.ts';
export type { ActivationReader, EntityStore } from './store/store.ts';
