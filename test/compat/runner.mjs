/**
 * The action that runs one program of the corpus: in a folder of its own, to the end of its top-level code. A program prints; what it
 * exports as default is its result, and what it throws is one too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const home = process.cwd();

export async function main({ program }) {
  const folder = mkdtempSync(join(tmpdir(), 'compat-'));
  process.chdir(folder);
  try {
    const { default: result = null } = await import(`./programs/${program}`);
    return { done: true, result: await result };
  } catch (error) {
    return { threw: `${error?.name}: ${error?.message}`, code: error?.code ?? null };
  } finally {
    // Warnings come a turn later.
    await new Promise((resolve) => setTimeout(resolve, 1));
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
  }
}
