import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootFolder } from '@ebbwhisk/libos-node/paths';
import { afterAll, expect, test } from 'vitest';
import { ImageError } from './errors.ts';
import { isEbbChoice, optionsOf, readManifestSource } from './manifest.ts';

const folder = mkdtempSync(join(tmpdir(), 'ebb-images-'));
afterAll(() => rmSync(folder, { recursive: true }));

const valid = {
  version: 1,
  program: '/bin/node',
  script: '/main.js',
  nodeFlags: ['--x'],
  env: { B: '2', A: '1=1' },
  ebbs: { Console: 'ring', Clock: 'tsc' },
};

function read(source: unknown): ReturnType<typeof readManifestSource> {
  const path = join(folder, 'source.json');
  writeFileSync(path, typeof source === 'string' ? source : JSON.stringify(source));
  return readManifestSource(path);
}

test('becomes options, sorted', () => {
  expect(optionsOf(read(valid), 'nodejs:24', 'general', '/lib64/ld.so')).toEqual([
    'kind=nodejs:24',
    'profile=general',
    'program=/bin/node',
    'interpreter=/lib64/ld.so',
    'arg=--x',
    'arg=/main.js',
    'env=A=1=1',
    'env=B=2',
    'ebb.Clock=tsc',
    'ebb.Console=ring',
  ]);
});

test.each([
  ['no JSON', '{'],
  ['a list', []],
  ['another version', { ...valid, version: 2 }],
  ['a relative program', { ...valid, program: 'node' }],
  ['no script', { ...valid, script: undefined }],
  ['flags that are no texts', { ...valid, nodeFlags: [1] }],
  ['a bad name of a variable', { ...valid, env: { 'A=B': 'x' } }],
  ['a text with NUL', { ...valid, env: { A: 'x\0y' } }],
  ['an Ebb without name', { ...valid, ebbs: { '': 'ring' } }],
  ['an Ebb without implementation', { ...valid, ebbs: { Console: '' } }],
])('refuses %s', (_, source) => {
  expect(() => read(source)).toThrow(ImageError);
});

test('Ebb choices are plain names', () => {
  expect(isEbbChoice('Console', 'ring')).toBe(true);
  expect(isEbbChoice('Console', 'ring\nx')).toBe(false);
  expect(isEbbChoice('Con sole', 'ring')).toBe(false);
});

test('the default set names Ebbs and implementations that the kernel has', () => {
  const kernelSet = readFileSync(join(rootFolder, 'libos-node/kernel/ebb_set.cc'), 'utf8');
  const known = [...kernelSet.matchAll(/\{k\w+Ebb, "(\w+)", "([\w-]+)"/g)].map(
    ([, name, implementation]) => `${name}=${implementation}`,
  );
  const { ebbs } = readManifestSource(join(rootFolder, 'images/manifests/default.json'));
  expect(known).toEqual(expect.arrayContaining(Object.entries(ebbs).map((choice) => choice.join('='))));
  expect(Object.keys(ebbs).sort()).toEqual([...new Set(known.map((choice) => choice.split('=')[0]))].sort());
});
