import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { reapOrphans } from './orphans.ts';
import { isOrphaned, ownerName } from './owner-name.ts';
import { isRunning, processState } from './process-identity.ts';

let temporary: string;
let owners: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'ebbwhisk-owner-'));
  owners = join(temporary, `ebb-${process.getuid?.()}`);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(temporary, { recursive: true, force: true });
});

/** A host process with a place in its folder and a process of its own, which outlives it. Says `<folder> <pid>`. */
async function host(exe = '/usr/bin/sleep'): Promise<{ child: ChildProcess; folder: string; pid: number }> {
  const module = JSON.stringify(new URL('./owner-folder.ts', import.meta.url).href);
  const program = `import { spawn } from 'node:child_process';
    import { realpathSync, writeFileSync } from 'node:fs';
    const { ownerFolder } = await import(${module});
    const place = ownerFolder.take('vm-1');
    writeFileSync(place.path('vm-1.sock'), '');
    const vm = spawn('/usr/bin/sleep', ['60'], { detached: true, stdio: 'ignore' });
    await place.record(vm.pid, realpathSync(${JSON.stringify(exe)}));
    console.log(place.path('.') + ' ' + vm.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: temporary },
  });
  children.push(child);
  const [folder = '', pid] = String((await once(child.stdout ?? child, 'data'))[0])
    .trim()
    .split(' ');
  return { child, folder, pid: Number(pid) };
}

async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test('a name tells whether its owner still runs', () => {
  const own = ownerName();
  const [pid = '', started = '', boot = '', place = ''] = own.split('-');
  expect(isOrphaned(own)).toBe(false);
  expect(isOrphaned(`${own}-3`)).toBe(false);
  // Another process had this pid before; another boot had this process.
  expect(isOrphaned(`${pid}-${started.slice(0, -1)}0-${boot}-${place}`)).toBe(started.at(-1) !== '0');
  expect(isOrphaned(`${pid}-${started}-00000000-${place}`)).toBe(true);
  // No such pid can be.
  expect(isOrphaned(`zzzzzz-${started}-${boot}-${place}`)).toBe(true);
  // What runs elsewhere cannot be seen from here.
  expect(isOrphaned(`${pid}-0-${boot}-00000000`)).toBe(false);
  for (const name of ['', '..', 'x', own.slice(1).replace('-', '_'), `${own}-x`]) expect(isOrphaned(name)).toBe(false);
});

test('what a killed owner left goes, with the process that its record names; a running one is left alone', async () => {
  const [dead, alive] = await Promise.all([host(), host()]);
  const survivor = processState(dead.pid);
  expect(readdirSync(dead.folder).sort()).toEqual(['vm-1.json', 'vm-1.sock']);
  expect(await reapOrphans(owners)).toEqual({ folders: 0, killed: [] });
  await killed(dead.child);
  expect(survivor !== undefined && isRunning(survivor)).toBe(true);

  // As several stacks may that start at once.
  const all = await Promise.all([reapOrphans(owners), reapOrphans(owners), reapOrphans(owners)]);
  expect(all.flatMap(({ killed }) => killed)).toContain(dead.pid);
  expect(survivor !== undefined && isRunning(survivor)).toBe(false);
  expect(existsSync(dead.folder)).toBe(false);
  expect(existsSync(join(alive.folder, 'vm-1.sock'))).toBe(true);
  expect(processState(alive.pid)?.state).toBe('S');
  process.kill(alive.pid, 'SIGKILL');
});

test('a process that is not the recorded one is not killed', async () => {
  // It runs another program than the record says.
  const other = await host(process.execPath);
  await killed(other.child);
  expect(await reapOrphans(owners)).toEqual({ folders: 1, killed: [] });
  expect(processState(other.pid)?.state).toBe('S');
  process.kill(other.pid, 'SIGKILL');
  // The pid was used again since; or the record was cut off, or lies.
  const again = await host();
  const record = JSON.parse(readFileSync(join(again.folder, 'vm-1.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(again.folder, 'vm-1.json'), JSON.stringify({ ...record, started: '1' }));
  writeFileSync(join(again.folder, 'vm-2.json'), '{"pid":');
  writeFileSync(join(again.folder, 'vm-3.json'), JSON.stringify({ ...record, pid: -1 }));
  await killed(again.child);
  expect(await reapOrphans(owners)).toEqual({ folders: 1, killed: [] });
  expect(processState(again.pid)?.state).toBe('S');
  process.kill(again.pid, 'SIGKILL');
});

test('an owner that ends in order leaves nothing, nor does the folder above stay for nobody', async () => {
  const { child, folder, pid } = await host();
  process.kill(pid, 'SIGKILL');
  const module = JSON.stringify(new URL('./owner-folder.ts', import.meta.url).href);
  const program = `const { ownerFolder } = await import(${module}); ownerFolder.take('a'); ownerFolder.take('b').release(); process.exit(0)`;
  const second = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, TMPDIR: temporary },
  });
  await once(second, 'close');
  expect(readdirSync(owners)).toHaveLength(1);
  expect(existsSync(folder)).toBe(true);
  await killed(child);
  await reapOrphans(owners);
  expect(existsSync(owners)).toBe(false);
});

test('a folder that others may enter is not used, and things of other names are not touched', async () => {
  mkdirSync(owners);
  chmodSync(owners, 0o755);
  const { child, folder, pid } = await host();
  expect(folder.startsWith(`${owners}-`)).toBe(true);
  process.kill(pid, 'SIGKILL');
  await killed(child);
  mkdirSync(join(owners, 'mine'));
  expect(await reapOrphans(owners)).toEqual({ folders: 0, killed: [] });
  expect(readdirSync(owners)).toEqual(['mine']);
  expect(await reapOrphans(join(temporary, 'nowhere'))).toEqual({ folders: 0, killed: [] });
});
