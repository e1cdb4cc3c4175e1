/**
 * Finds the `wsk` command of Apache OpenWhisk, which is no part of this project: EBBWHISK_WSK names it, or it lies at
 * .ebbwhisk/tools/wsk, or it is on the PATH. Runs it with a configuration of its own, never the user's.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stateFolder } from '@ebbwhisk/libos-node/paths';

export const wskMissing =
  'no wsk: it is not on the PATH, not at .ebbwhisk/tools/wsk, and EBBWHISK_WSK does not name it';

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function findWsk(): string | undefined {
  const { EBBWHISK_WSK: named, PATH = '' } = process.env;
  if (named !== undefined && named !== '') return named;
  const onPath = PATH.split(delimiter).filter((folder) => folder !== '');
  return [join(stateFolder, 'tools/wsk'), ...onPath.map((folder) => join(folder, 'wsk'))].find(isExecutable);
}

export interface WskResult {
  readonly status: number;
  /** What it printed, both streams. */
  readonly output: string;
}

const timeoutMs = 30_000;

export class Wsk {
  readonly #command: string;
  /** Its home and working folder. */
  readonly folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-wsk-'));

  constructor(command: string) {
    this.#command = command;
    writeFileSync(join(this.folder, 'wskprops'), '', { mode: 0o600 });
  }

  run(...args: readonly string[]): Promise<WskResult> {
    const env = {
      PATH: process.env['PATH'],
      HOME: this.folder,
      WSK_CONFIG_FILE: join(this.folder, 'wskprops'),
      LC_ALL: 'en_US.UTF-8',
    };
    return new Promise((resolve, reject) => {
      execFile(this.#command, [...args], { cwd: this.folder, env, timeout: timeoutMs }, (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') reject(error);
        else resolve({ status: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
      });
    });
  }

  /** The output of a command that must succeed. */
  async ok(...args: readonly string[]): Promise<string> {
    const { status, output } = await this.run(...args);
    if (status !== 0) throw new Error(`wsk ${args.join(' ')}: status ${status}\n${output}`);
    return output;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The JSON object that follows a line of text, as wsk prints entities. */
export function jsonIn(output: string): unknown {
  return JSON.parse(output.slice(output.indexOf('{')));
}
