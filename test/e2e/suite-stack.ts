/** A stack for the tests of the surrounding describe(): started before the first, stopped after the last, when it must leave nothing. */
import { afterAll, beforeAll, expect } from 'vitest';
import { type RunningStack, StackFolder, type StackOptions, startStack } from './stack.ts';

/**
 * `options` is called when the suite begins, so that it may wait for what the stack has to know.
 * @returns how tests get at the stack
 */
export function suiteStack(options: () => StackOptions | Promise<StackOptions>): () => RunningStack {
  let folder: StackFolder | undefined;
  let stack: RunningStack | undefined;

  beforeAll(async () => {
    folder = new StackFolder();
    stack = await startStack(folder, await options());
  });

  afterAll(async () => {
    try {
      if (stack !== undefined) expect(await stack.stop()).toEqual({ status: 0, signal: null, left: [] });
    } finally {
      folder?.remove();
    }
  });

  return () => {
    if (stack === undefined) throw new Error('the suite has not begun');
    return stack;
  };
}
