/** What Templates.start does when there is no template to be had: VMs come all the same, and it is told. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BootOptions,
  bootLibos,
  defaultProfile,
  type TemplateEvent,
  Templates,
  type TemplatesSettings,
  tenderPath,
  type Vm,
} from '@ebbwhisk/libos-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Session } from '../contract/session.ts';

const options: BootOptions = { kind: 'nodejs:24', memoryMb: 128, tender: 'process' };

let folder: string;
let events: TemplateEvent[];
const open: Templates[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-start-'));
  events = [];
});
afterEach(async () => {
  for (const templates of open.splice(0)) await templates.close();
  rmSync(folder, { recursive: true });
});

function create(settings: TemplatesSettings = {}): Templates {
  const templates = new Templates({ folder, patienceMs: 30_000, onEvent: (event) => events.push(event), ...settings });
  open.push(templates);
  return templates;
}

const whats = () => events.map(({ what }) => what);

async function serves(vm: Vm): Promise<Vm> {
  const session = new Session(vm);
  expect((await session.init('function main() { return { ok: 1 }; }')).status).toBe(200);
  expect((await session.run({})).json).toEqual({ ok: 1 });
  return vm;
}

test('VMs boot until there is a template, and are cloned from then on', async () => {
  const templates = create();
  const first = await serves(await templates.start(options));
  expect([first.origin, (await first.stats()).origin]).toEqual(['boot', 'boot']);
  await templates.prepare(options);
  expect(events).toEqual([
    { what: 'ready', template: `nodejs-24-${defaultProfile}-process-128`, made: true, ms: expect.any(Number) },
  ]);
  const second = await serves(await templates.start(options));
  expect([second.origin, (await second.stats()).origin]).toEqual(['template', 'template']);
  // The next host has the file, which is quicker than to boot.
  const other = create();
  await other.prepare(options);
  expect(events[1]).toMatchObject({ what: 'ready', made: false });
  const third = await serves(await other.start(options));
  expect(third.origin).toBe('template');
  await Promise.all([first, second, third].map((vm) => vm.end()));
});

test('a single VM does not make a template', async () => {
  const templates = create();
  const vm = await templates.startAlone(options);
  expect(vm.origin).toBe('boot');
  await vm.end();
  expect(events).toEqual([]);
});

test('a server that is killed takes its VMs with it, which is told, and another one takes its place', async () => {
  const templates = create();
  await templates.prepare(options);
  const vm = await templates.start(options);
  const server = Number(/^PPid:\s+(\d+)$/m.exec(await statusOf(vm))?.[1]);
  process.kill(server, 'SIGKILL');
  // Which of the two processes dies first is chance; neither has ended by itself.
  expect((await vm.exited).reason).toMatch(/^(tender|fault)$/);
  await expect.poll(whats).toEqual(['ready', 'ended']);
  expect(events[1]).toMatchObject({ clones: 1 });
  const next = await serves(await templates.start(options));
  expect(next.origin).toBe('template');
  await next.end();
});

async function statusOf(vm: Vm): Promise<string> {
  const { readFileSync } = await import('node:fs');
  return readFileSync(`/proc/${(await vm.stats()).pids[0]}/status`, 'utf8');
}

test('a template that fails is told once and not tried again at once; VMs boot', async () => {
  const tender = join(folder, 'tender');
  writeFileSync(tender, `#!/bin/sh\ntest "$1" = serve && { echo 'no rights' >&2; exit 1; }\nexec ${tenderPath} "$@"\n`);
  chmodSync(tender, 0o755);
  let now = 0;
  const templates = create({ tenderPath: tender, now: () => now });
  for (const moment of [0, 1_000, 9_000]) {
    now = moment;
    const vm = await templates.start(options);
    expect(vm.origin).toBe('boot');
    await vm.end();
    await expect.poll(whats).toEqual(['failed']);
  }
  expect(events[0]).toMatchObject({ code: 'VM_TEMPLATE_FAILED', detail: expect.stringContaining('no rights') });
  now = 11_000;
  await (await templates.start(options)).end();
  await expect.poll(whats).toEqual(['failed', 'failed']);
  await expect(templates.clone(options)).rejects.toMatchObject({ code: 'VM_TEMPLATE_FAILED' });
});

test('of too many sorts some boot; a server without VMs makes room', async () => {
  const templates = create({ maxServers: 1 });
  await templates.prepare(options);
  const vm = await templates.start(options);
  const other = await templates.start({ ...options, memoryMb: 144 });
  expect([vm.origin, other.origin]).toEqual(['template', 'boot']);
  await expect(templates.clone({ ...options, memoryMb: 144 })).rejects.toMatchObject({ code: 'VM_TEMPLATE_FAILED' });
  await Promise.all([vm.end(), other.end()]);
  await templates.prepare({ ...options, memoryMb: 144 });
  const last = await templates.start({ ...options, memoryMb: 144 });
  expect(last.origin).toBe('template');
  await last.end();
});

test('a host that ends while a template is made leaves nothing running', async () => {
  const templates = create();
  templates.prepare(options).catch(() => {});
  await new Promise((done) => setTimeout(done, 50));
  const from = performance.now();
  await templates.close();
  expect(performance.now() - from).toBeLessThan(1_500);
  expect(whats()).toEqual([]);
  await (await bootLibos(options)).end();
});
