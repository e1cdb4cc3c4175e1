import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runtimeEntry, runtimeFiles } from './layout.ts';
import { packageFiles, placePackages } from './packages.ts';

describe('runtimeFiles', () => {
  it('lists the runtime and the bundled packages, each place once, always in the same order', () => {
    const files = runtimeFiles();
    const places = files.map(({ to }) => to);
    expect(new Set(places).size).toBe(places.length);
    expect(places).toContain(runtimeEntry);
    expect(places).toContain('/nodejsAction/archive/zip.js');
    for (const name of ['openwhisk', 'express', 'serialize-error', 'redis', 'uuid']) {
      expect(places).toContain(`/node_modules/${name}/package.json`);
    }
    expect(places.filter((place) => /\.test\.|\.ts$/.test(place))).toEqual([]);
    expect(runtimeFiles()).toEqual(files);
  });
});

describe('placePackages', () => {
  let root = '';

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function install(packages: Readonly<Record<string, object>>): void {
    root = mkdtempSync(join(tmpdir(), 'packages-'));
    for (const [path, manifest] of Object.entries(packages)) {
      const file = join(root, path, 'package.json');
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify({ version: '1.0.0', ...manifest }));
    }
  }

  const places = () => placePackages(join(root, 'own')).map(({ to, version }) => `${to}@${version}`);

  it('takes the closure and nothing else, the copies of its own first', () => {
    install({
      own: { dependencies: { a: '1', b: '1' } },
      'own/node_modules/b': { version: '2.0.0' },
      'node_modules/a': { dependencies: { c: '1' } },
      'node_modules/b': {},
      'node_modules/c': {},
      'node_modules/unrelated': {},
    });
    expect(places()).toEqual(['node_modules/a@1.0.0', 'node_modules/b@2.0.0', 'node_modules/c@1.0.0']);
  });

  it('places a second version beside its user', () => {
    install({
      own: { dependencies: { a: '1', b: '1' } },
      'own/node_modules/b': { version: '2.0.0' },
      'node_modules/a': { dependencies: { b: '1' } },
      'node_modules/b': {},
    });
    expect(places()).toEqual(['node_modules/a@1.0.0', 'node_modules/a/node_modules/b@1.0.0', 'node_modules/b@2.0.0']);
  });

  it('takes cycles, scopes and present optional packages', () => {
    install({
      own: { dependencies: { '@s/a': '1' } },
      'node_modules/@s/a': { dependencies: { b: '1' }, optionalDependencies: { there: '1', absent: '1' } },
      'node_modules/b': {
        dependencies: { '@s/a': '1' },
        peerDependencies: { p: '*' },
        peerDependenciesMeta: { p: { optional: true } },
      },
      'node_modules/there': {},
    });
    expect(places()).toEqual(['node_modules/@s/a@1.0.0', 'node_modules/b@1.0.0', 'node_modules/there@1.0.0']);
  });

  it('says which package is not installed', () => {
    install({ own: { dependencies: { gone: '1' } } });
    expect(places).toThrow(/Package gone, needed by .*own, is not installed/);
  });

  it('lists the files that programs read', () => {
    install({ 'node_modules/a': {} });
    const folder = join(root, 'node_modules/a');
    mkdirSync(join(folder, 'node_modules/inner'), { recursive: true });
    mkdirSync(join(folder, 'lib'));
    for (const name of [
      'index.js',
      'lib/x.json',
      'x.d.ts',
      'x.js.map',
      'README.md',
      'LICENSE',
      'node_modules/inner/x.js',
    ]) {
      writeFileSync(join(folder, name), '');
    }
    expect(packageFiles(folder)).toEqual(['LICENSE', 'index.js', 'lib/x.json', 'package.json']);
  });
});
