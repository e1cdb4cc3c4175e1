/** The container engine of this machine: the first of those with docker's command line that is there and answers. */

import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { LoadError } from '../errors.ts';

export const engineNames = ['docker', 'podman', 'nerdctl'] as const;
export type EngineName = (typeof engineNames)[number];

export interface Engine {
  readonly name: EngineName;
  readonly path: string;
}

const kAnswerMs = 20_000;
const kPullMs = 600_000;

/** The first that works; LoadError ENGINE_MISSING says of each why not. */
export async function findEngine(searchPath = process.env['PATH'] ?? ''): Promise<Engine> {
  const refusals: string[] = [];
  for (const name of engineNames) {
    const path = await programOn(searchPath, name);
    const refusal = path === undefined ? 'not on the PATH' : await refusalOf(path);
    if (path !== undefined && refusal === undefined) return { name, path };
    refusals.push(`${name}: ${refusal}`);
  }
  throw new LoadError('ENGINE_MISSING', refusals.join('; '));
}

/** Pulls the image where it is not there yet. */
export async function ensureImage(engine: Engine, image: string, signal: AbortSignal): Promise<void> {
  try {
    await runEngine(engine, ['image', 'inspect', image], kAnswerMs, signal);
  } catch {
    signal.throwIfAborted();
    await runEngine(engine, ['pull', image], kPullMs, signal).catch((error: unknown) => {
      throw new LoadError('IMAGE_MISSING', `${image}: ${lastLine(error)}`, { cause: error });
    });
  }
}

/** What the engine says on stdout. Rejects when it fails or takes too long. */
export async function runEngine(
  { path }: Pick<Engine, 'path'>,
  args: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string> {
  const options = { timeout: timeoutMs, encoding: 'utf8' as const, ...(signal === undefined ? {} : { signal }) };
  const { stdout } = await promisify(execFile)(path, [...args], options);
  return stdout.trim();
}

/** What a failed engine said last: the rest is progress. */
export function lastLine(error: unknown): string {
  const { stderr = '', message } = error as { stderr?: string; message: string };
  return (stderr.trim() || message).split('\n').at(-1)?.trim() ?? '';
}

async function programOn(searchPath: string, name: string): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** A client alone is no engine: it has to reach its daemon. */
async function refusalOf(path: string): Promise<string | undefined> {
  try {
    await runEngine({ path }, ['ps', '--quiet'], kAnswerMs);
    return undefined;
  } catch (error) {
    return lastLine(error);
  }
}
