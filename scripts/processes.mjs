/**
 * Child processes for the scripts. Invariant: a signal that asks this process to end reaches the child first, so nothing
 * keeps running behind the prompt; this process then ends the way its child did.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** @type {readonly NodeJS.Signals[]} */
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** A failure that is told in one line, without a stack: the user's to mend, not ours. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'SetupError';
    this.exitCode = exitCode;
  }
}

/**
 * Hands on SIGINT, SIGTERM and SIGHUP to a child until it ends.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<{ code: number, killedBy?: NodeJS.Signals, asked?: NodeJS.Signals }>} its exit status (1 when a
 *   signal killed it) and the signal that we were asked to end by while it ran
 */
export function ending(child) {
  /** @type {NodeJS.Signals | undefined} */
  let asked;
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    asked = signal;
    child.kill(signal);
  };
  for (const signal of endingSignals) process.on(signal, forward);
  const stopForwarding = () => {
    for (const signal of endingSignals) process.off(signal, forward);
  };
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      stopForwarding();
      reject(error);
    });
    child.once('close', (code, signal) => {
      stopForwarding();
      resolve({
        code: code ?? 1,
        ...(signal === null ? {} : { killedBy: signal }),
        ...(asked === undefined ? {} : { asked }),
      });
    });
  });
}

/**
 * Runs one step of the set-up to its end. Its stdout goes to our stderr: stdout belongs to the command that follows.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} options onLine gets each line of
 *   the child's stdout instead of stderr
 * @throws {SetupError} when the command is missing, fails or is interrupted
 */
export async function run(command, args, { cwd, env = process.env, onLine }) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', onLine === undefined ? 2 : 'pipe', 2] });
  if (child.stdout !== null && onLine !== undefined) eachLine(child.stdout, onLine);
  const { code, killedBy, asked } = await ending(child).catch((/** @type {NodeJS.ErrnoException} */ error) => {
    throw new SetupError(`cannot run ${command}: ${error.code ?? error.message}`);
  });
  // An interrupted command may end in its own good order: what was asked of us still holds.
  if (asked !== undefined) throw new SetupError(`interrupted by ${asked}`, 128 + constants.signals[asked]);
  if (code === 0) return;
  const how = killedBy === undefined ? `with exit status ${code}` : `by ${killedBy}`;
  throw new SetupError(`\`${[command, ...args].join(' ')}\` failed ${how}`);
}

/**
 * @param {NodeJS.ReadableStream} stream
 * @param {(line: string) => void} onLine
 */
function eachLine(stream, onLine) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (/** @type {string} */ text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
