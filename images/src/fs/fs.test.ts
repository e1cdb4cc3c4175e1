import { expect, test } from 'vitest';
import * as abi from '../abi.ts';
import { ImageError } from '../errors.ts';
import { readFs } from './read.ts';
import { FsTree } from './tree.ts';
import { writeFs } from './write.ts';

function sample(order: 'forward' | 'backward'): FsTree {
  const tree = new FsTree();
  const steps = [
    () => tree.addDirectory('/tmp', 0o1777),
    () => tree.addFile('/etc/hosts', '127.0.0.1 localhost\n'),
    () =>
      tree.addFile('/lib/big', Buffer.alloc(5000, 3), 0o755, [
        { offset: 16, form: 1 },
        { offset: 90, form: 2 },
      ]),
    () => tree.addFile('/lib/other', 'x', 0o755, [{ offset: 7, form: 2 }]),
    () => tree.addFile('/empty', ''),
    () => tree.addLink('/usr/lib', '../lib'),
    () => tree.addFile('/ünï', 'name beyond ASCII'),
  ];
  for (const step of order === 'forward' ? steps : steps.reverse()) step();
  return tree;
}

test('what is written is read again', () => {
  const fs = writeFs(sample('forward'));
  expect(fs.length % abi.PAGE_SIZE).toBe(0);
  const files = readFs(fs);
  expect(files.map(({ path, type, mode }) => `${path} ${type} ${(mode & 0o7777).toString(8)}`)).toEqual([
    '/ directory 755',
    '/empty file 644',
    '/etc directory 755',
    '/lib directory 755',
    '/tmp directory 1777',
    '/usr directory 755',
    '/ünï file 644',
    '/etc/hosts file 644',
    '/lib/big file 755',
    '/lib/other file 755',
    '/usr/lib link 777',
  ]);
  const byPath = new Map(files.map((file) => [file.path, file]));
  expect(byPath.get('/etc/hosts')?.content.toString()).toBe('127.0.0.1 localhost\n');
  expect(byPath.get('/lib/big')?.content.equals(Buffer.alloc(5000, 3))).toBe(true);
  expect(byPath.get('/lib/big')?.sites).toEqual([
    { offset: 16, form: 1 },
    { offset: 90, form: 2 },
  ]);
  expect(byPath.get('/lib/other')?.sites).toEqual([{ offset: 7, form: 2 }]);
  expect(byPath.get('/usr/lib')?.content.toString()).toBe('../lib');
  expect(byPath.get('/empty')?.content.length).toBe(0);
});

test('file contents start at pages', () => {
  const fs = writeFs(sample('forward'));
  const count = fs.readUInt32LE(12);
  for (let index = 0; index < count; index++) {
    const entry = Number(fs.readBigUInt64LE(16)) + index * abi.FS_ENTRY_SIZE;
    if ((fs.readUInt32LE(entry + 4) & abi.S_IFMT) === abi.S_IFREG)
      expect(Number(fs.readBigUInt64LE(entry + 16)) % 4096).toBe(0);
  }
});

test('the order of building does not matter', () => {
  expect(writeFs(sample('forward')).equals(writeFs(sample('backward')))).toBe(true);
});

test.each(['relative', '/a/../b', '/a//b', '/a/.', '/', `/${'n'.repeat(256)}`, '/a\0b'])(
  'refuses the path %j',
  (path) => {
    expect(() => new FsTree().addFile(path, '')).toThrow(ImageError);
  },
);

test('refuses doubles, and files as parents', () => {
  const tree = new FsTree();
  tree.addFile('/a', '');
  expect(() => tree.addFile('/a', '')).toThrow(ImageError);
  expect(() => tree.addLink('/a', 'b')).toThrow(ImageError);
  expect(() => tree.addDirectory('/a')).toThrow(ImageError);
  expect(() => tree.addFile('/a/b', '')).toThrow(ImageError);
});

test('giving a directory a mode keeps its children', () => {
  const tree = new FsTree();
  tree.addFile('/d/f', '');
  tree.addDirectory('/d', 0o700);
  expect(tree.has('/d/f')).toBe(true);
  expect(tree.root.children.get('d')?.mode).toBe(abi.S_IFDIR | 0o700);
});

test.each<[string, (fs: Buffer, entries: number) => void]>([
  ['another magic', (fs) => fs.write('X', 0)],
  ['more entries than bytes', (fs) => fs.writeUInt32LE(1_000_000, 12)],
  ['names outside', (fs) => fs.writeBigUInt64LE(1n << 40n, 24)],
  ['a child before its parent', (fs, entries) => fs.writeUInt32LE(9, entries + abi.FS_ENTRY_SIZE)],
  ['a file as a parent', (fs, entries) => fs.writeUInt32LE(1, entries + 7 * abi.FS_ENTRY_SIZE)],
  ['an unknown mode', (fs, entries) => fs.writeUInt32LE(0, entries + 4)],
  ['content outside', (fs, entries) => fs.writeBigUInt64LE(BigInt(fs.length), entries + abi.FS_ENTRY_SIZE + 24)],
  ['sites outside', (fs, entries) => fs.writeUInt32LE(99, entries + abi.FS_ENTRY_SIZE + 44)],
])('the reader refuses %s', (_, change) => {
  const fs = writeFs(sample('forward'));
  change(fs, Number(fs.readBigUInt64LE(16)));
  if (_ === 'content outside') fs.writeBigUInt64LE(4096n, Number(fs.readBigUInt64LE(16)) + abi.FS_ENTRY_SIZE + 16);
  expect(() => readFs(fs)).toThrow(ImageError);
});
