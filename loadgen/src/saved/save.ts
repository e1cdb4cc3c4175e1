/** Writes results to files. */

import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorText, LoadError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { LoadOptions } from '../options.ts';
import { isBurst, isDensity, type Result } from '../result.ts';
import { type SavedRun, savedFormat, savedVersion } from './run.ts';

/** Finds out before hours are spent. */
export async function checkSavable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
    if ((await stat(path).catch(() => undefined))?.isDirectory()) throw new Error(`${path} is a folder`);
  } catch (error) {
    throw new LoadError('SAVE_FAILED', errorText(error), { cause: error });
  }
}

export async function save(path: string, options: LoadOptions, machine: Machine, result: Result): Promise<void> {
  const saved = savedRun(options, machine, result);
  await writeFile(path, `${JSON.stringify(saved)}\n`).catch((error: unknown) => {
    throw new LoadError('SAVE_FAILED', errorText(error), { cause: error });
  });
}

export function savedRun(options: LoadOptions, machine: Machine, result: Result): SavedRun {
  return {
    format: savedFormat,
    version: savedVersion,
    label: options.label ?? labelOf(options, machine),
    machine,
    options: kept(options),
    perSecond: result.perSecond,
    series: result.series,
    windows: isBurst(result) ? result.windows : [],
    interference: isBurst(result) ? interferenceOf(result.background) : null,
    density: isDensity(result) ? result.density : null,
  };
}

function interferenceOf({ inside, outside, ratio, allowed, verdict }: NonNullable<SavedRun['interference']>) {
  return { inside, outside, ratio, allowed, verdict };
}

function labelOf({ mode, density, via, target, tender, image }: LoadOptions, { kvm }: Machine): string {
  const what = mode === 'density' ? `${mode} ${density}` : mode;
  const taken = tender === 'auto' ? (kvm ? 'kvm' : 'process') : tender;
  const on = { libos: `LibOS, ${taken} tender`, process: 'plain Node', docker: image }[target];
  return `${what} via ${via}, ${on}`;
}

/** No key of a namespace, nothing of this machine's folders, no infinity, and nothing that had no effect. */
function kept({ auth, save: _, label, json, apihost, ...options }: LoadOptions): SavedRun['options'] {
  const plain = Object.entries(options).filter(
    (entry): entry is [keyof typeof options, string | number | boolean] =>
      entry[1] !== undefined && entry[1] !== Infinity && hasEffect(entry[0] as keyof typeof options, options),
  );
  return {
    ...Object.fromEntries(plain),
    ...(apihost === undefined ? {} : { apihost: new URL(apihost).origin }),
  };
}

type Shown = Omit<LoadOptions, 'auth' | 'save' | 'label' | 'json' | 'apihost'>;

function hasEffect(name: keyof Shown, { mode, target, pool, template }: Shown): boolean {
  switch (name) {
    case 'actions':
      return mode === 'mixed';
    case 'burstSize':
    case 'burstEvery':
    case 'background':
      return mode === 'burst';
    case 'concurrency':
      return mode !== 'burst';
    case 'density':
      return mode === 'density';
    case 'tender':
      return target === 'libos';
    case 'image':
      return target === 'docker';
    case 'kind':
      return target !== 'docker';
    case 'pool':
      return pool > 0;
    case 'template':
      return !template;
    default:
      return true;
  }
}
