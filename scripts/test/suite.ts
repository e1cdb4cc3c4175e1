/**
 * A suite is one tool that runs tests and tells how they went. A suite that cannot run is a failed test, never a missing
 * one: the totals must not look better because a tool broke.
 */
import { spawn } from 'node:child_process';
import { root } from '../paths.mjs';

export interface Skip {
  readonly test: string;
  /** Why, in one line; undefined when the test does not say. */
  readonly reason: string | undefined;
}

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly Skip[];
}

export interface Suite {
  readonly name: string;
  /** Runs only by name and under EBBWHISK_TEST_ALL. */
  readonly long?: boolean;
  run(signal: AbortSignal): Promise<Outcome>;
}

export const oneFailure: Outcome = { passed: 0, failed: 1, skips: [] };

/** An exit status other than 0 without a failed test still is a failure: the tool itself broke. */
export function withExitStatus(outcome: Outcome, exitStatus: number): Outcome {
  if (exitStatus === 0 || outcome.failed > 0) return outcome;
  return { ...outcome, failed: 1 };
}

/** Runs a program to its end, its output on ours. Resolves to its exit status, 1 when a signal ended it. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly signal: AbortSignal; readonly env?: NodeJS.ProcessEnv },
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: options.env ?? process.env,
      signal: options.signal,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(1);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}
