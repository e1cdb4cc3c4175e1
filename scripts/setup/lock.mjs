/**
 * One set-up at a time per checkout. The lock is flock(2)'s, held by a child that ends with our end of a pipe: it is
 * released however we die, and no stale lock file has to be told from a live one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../processes.mjs';
import { say } from './progress.mjs';

const tellAfterMs = 500;

/**
 * @template T
 * @param {string} folder where the lock file lives; made when missing
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function locked(folder, work) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const holder = spawn('flock', [join(folder, 'setup.lock'), 'sh', '-c', 'echo locked; exec cat'], {
    // Its own session: a Ctrl-C in the terminal ends the work first, then the lock.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = setTimeout(() => say('waiting for another set-up of this checkout'), tellAfterMs);
  try {
    await Promise.race([
      once(holder.stdout, 'data'),
      once(holder, 'exit').then(() => Promise.reject(new SetupError('cannot lock the checkout: flock failed'))),
    ]);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError('cannot lock the checkout: flock (util-linux) is missing');
  } finally {
    clearTimeout(waiting);
  }
  const released = once(holder, 'close');
  try {
    return await work();
  } finally {
    holder.stdin.end();
    holder.stdout.resume();
    await released;
  }
}
