import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { run } from './processes.mjs';

const cwd = import.meta.dirname;
const node = process.execPath;

test('a step that fails is told with its command and status', async () => {
  await expect(run(node, ['-e', 'process.exit(3)'], { cwd })).rejects.toMatchObject({
    name: 'SetupError',
    message: expect.stringMatching(/process\.exit\(3\)` failed with exit status 3$/),
    exitCode: 1,
  });
  await expect(run(node, ['-e', 'process.kill(process.pid, "SIGKILL")'], { cwd })).rejects.toThrow(
    /failed by SIGKILL$/,
  );
  await expect(run('no-such-command', [], { cwd })).rejects.toThrow('cannot run no-such-command: ENOENT');
});

test('lines come whole, the last one without its end too', async () => {
  const lines: string[] = [];
  const script = `process.stdout.write('a'); setTimeout(() => process.stdout.write('b\\n\\nc'), 50)`;
  await run(node, ['-e', script], { cwd, onLine: (line) => lines.push(line) });
  expect(lines).toEqual(['ab', '', 'c']);
});

test('what a step prints goes to stderr', async () => {
  const { out, err, code } = await outer(`console.log('from the step')`);
  expect({ out, err, code }).toEqual({ out: '', err: 'from the step\n', code: 0 });
});

test('a signal reaches the step, and the step decides when it ends', async () => {
  const step = `process.once('SIGTERM', () => { console.log('tidied'); process.exit(0); }); console.log('up'); setInterval(() => {}, 1000);`;
  const { out, err, code } = await outer(step, 'SIGTERM');
  expect({ out, err, code }).toEqual({ out: '', err: 'up\ntidied\ninterrupted by SIGTERM\n', code: 143 });
});

/** A process that runs one step, and gets a signal once the step has printed something. */
async function outer(
  step: string,
  signal?: NodeJS.Signals,
): Promise<{ out: string; err: string; code: number | null }> {
  const script = `
    const { run } = await import(${JSON.stringify(new URL('./processes.mjs', import.meta.url).href)});
    await run(process.execPath, ['-e', ${JSON.stringify(step)}], { cwd: '.' }).catch((error) => {
      console.error(error.message);
      process.exitCode = error.exitCode;
    });
  `;
  const child = spawn(node, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  if (signal !== undefined) child.stderr.once('data', () => child.kill(signal));
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { out, err, code };
}
