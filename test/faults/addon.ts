/** The native addon that touches memory it should not (wild.c). */
import { join } from 'node:path';
import { compileAddon as compile } from '../support/native-addon.ts';

export { addonAction, compilerMissing } from '../support/native-addon.ts';

/** The compiled addon. */
export function compileAddon(): Buffer {
  return compile(join(import.meta.dirname, 'wild.c'));
}
