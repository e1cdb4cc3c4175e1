/**
 * The folder that holds the unix sockets of this process's VMs: private to the user, short enough for sun_path, gone when no VM
 * needs it and when the process exits.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** sizeof(sun_path) minus the NUL. */
const maxSocketPath = 107;
const longestName = '/ebb-XXXXXX/libos-9999999999.sock';

export class SocketFolder {
  #path: string | undefined;
  #users = 0;
  #hasExitHook = false;

  /** Path for a socket of that name; give it back with release(). */
  acquire(name: string): string {
    if (this.#path === undefined) {
      const base = tmpdir();
      // mkdtemp makes the folder with mode 0700.
      this.#path = mkdtempSync(join(base.length + longestName.length > maxSocketPath ? '/tmp' : base, 'ebb-'));
      if (!this.#hasExitHook) process.once('exit', () => this.#remove());
      this.#hasExitHook = true;
    }
    this.#users++;
    return join(this.#path, `${name}.sock`);
  }

  release(path: string): void {
    rmSync(path, { force: true });
    this.#users--;
    if (this.#users === 0) this.#remove();
  }

  #remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { recursive: true, force: true });
    this.#path = undefined;
  }
}
