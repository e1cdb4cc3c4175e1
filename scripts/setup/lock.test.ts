import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { locked } from './lock.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('works one after the other and hands on results and errors', async () => {
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await delay(50);
    events.push(`${name} ends`);
    return name;
  };
  const failing = locked(folder, () => Promise.reject(new Error('broken')));
  await expect(failing).rejects.toThrow('broken');
  expect((await Promise.all([locked(folder, work('a')), locked(folder, work('b'))])).sort()).toEqual(['a', 'b']);
  const [first, second] = events[0] === 'a begins' ? ['a', 'b'] : ['b', 'a'];
  expect(events).toEqual([`${first} begins`, `${first} ends`, `${second} begins`, `${second} ends`]);
});

test('is free again when its owner was killed', async () => {
  const lock = JSON.stringify(new URL('./lock.mjs', import.meta.url).href);
  const script = `
    const { locked } = await import(${lock});
    await locked(${JSON.stringify(folder)}, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000); }));
  `;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  owner.kill('SIGKILL');
  expect(await locked(folder, () => Promise.resolve('mine'))).toBe('mine');
});
