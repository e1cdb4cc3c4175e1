/** Actions that are archives: which file, which export, which folder. */
import { gzipSync } from 'node:zlib';
import { linkMode, pax, tar, tarGz, zip } from '@ebbwhisk/action-runtime/testing/archives';
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

const packageJson = JSON.stringify({ name: 'wskaction', version: '1.0.0', main: 'index.js', dependencies: {} });

export function archiveContract(open: OpenSession): void {
  describe.each([
    ['zip', zip],
    ['tar.gz', tarGz],
  ] as const)('%s archive', (_, pack) => {
    it.each([
      ['with package.json', { 'package.json': packageJson, 'index.js': 'exports.main = () => ({ ok: 1 })' }, 'main'],
      ['without package.json', { 'index.js': 'exports.main = () => ({ ok: 1 })' }, 'main'],
      [
        'with another main file',
        { 'package.json': '{"main":"lib/start"}', 'lib/start.js': 'exports.main = () => ({ ok: 1 })' },
        'main',
      ],
      ['with another function', { 'index.js': 'exports.niam = () => ({ ok: 1 })' }, 'niam'],
      ['with another file', { 'other.js': 'exports.niam = () => ({ ok: 1 })' }, 'other.niam'],
      [
        'with another file beside package.json',
        { 'package.json': packageJson, 'other.js': 'exports.niam = () => ({ ok: 1 })' },
        'other.niam',
      ],
      ['with a file in a folder', { 'lib/other.js': 'exports.niam = () => ({ ok: 1 })' }, 'lib/other.niam'],
      ['with a nested main', { 'other.js': 'exports.a = { b: { c: () => ({ ok: 1 }) } }' }, 'other.a.b.c'],
    ])('%s', async (__, files, main) => {
      await using session = await open();
      expect(await session.initArchive(pack(Object.entries(files)), main)).toMatchObject({ status: 200 });
      expect((await session.run()).json).toEqual({ ok: 1 });
      expect(await session.lines('stderr')).toEqual([]);
    });

    it('with node_modules', async () => {
      await using session = await open();
      await session.initArchive(
        pack([
          ['package.json', JSON.stringify({ main: 'main.js', dependencies: { abcxyz: '1.0.0' } })],
          ['main.js', "exports.main = () => ({ message: require('abcxyz')() })"],
          ['node_modules/abcxyz/index.js', "module.exports = () => 'hello local library'"],
        ]),
      );
      expect((await session.run()).json).toEqual({ message: 'hello local library' });
      expect(await session.lines('stderr')).toEqual([]);
    });

    it('is the working folder; its files are read and written there', async () => {
      await using session = await open();
      await session.initArchive(
        pack([
          ['test.txt', 'test text ☃'],
          ['bytes.bin', Buffer.from([0, 255, 128, 10])],
          [
            'index.js',
            `const fs = require('fs');
             exports.main = () => {
               fs.writeFileSync('new.txt', 'x');
               return { text: fs.readFileSync('./test.txt', 'utf8'), bytes: [...fs.readFileSync('bytes.bin')],
                 here: __dirname === process.cwd(), made: fs.existsSync(__dirname + '/new.txt') };
             }`,
          ],
        ]),
      );
      expect((await session.run()).json).toEqual({
        text: 'test text ☃',
        bytes: [0, 255, 128, 10],
        here: true,
        made: true,
      });
    });

    it('with dependencies but no node_modules warns and goes on', async () => {
      await using session = await open();
      const dependencies = { 'left-pad': '1.0.0', uuid: '8.3.2' };
      await session.initArchive(
        pack([
          ['package.json', JSON.stringify({ dependencies })],
          ['index.js', "exports.main = () => ({ uuid: typeof require('uuid').v4 })"],
        ]),
      );
      expect((await session.run()).json).toEqual({ uuid: 'function' });
      const [line] = await session.lines('stderr');
      expect(line).toMatch(/^Warning: package\.json depends on left-pad, but the archive has no node_modules\./);
    });

    it('of many files', async () => {
      await using session = await open();
      const files = Array.from({ length: 2000 }, (__, n) => [`lib/d${n % 40}/f${n}.js`, `exports.n = ${n}`] as const);
      await session.initArchive(
        pack([...files, ['index.js', "exports.main = ({ n }) => require('./lib/d' + (n % 40) + '/f' + n)"]]),
      );
      expect((await session.run({ n: 1234 })).json).toEqual({ n: 1234 });
    });

    it.each([
      [
        'neither package.json nor index.js',
        { hello: 'Hello world!' },
        'main',
        /Zipped actions must contain either package\.json or index\.js at the root\./,
      ],
      ['no such function', { 'index.js': 'exports.other = 1' }, 'main', /Action entrypoint 'main' is not a function\./],
      ['no such file', { 'index.js': 'exports.main = 1' }, 'other.main', /Cannot find module/],
      ['no such property', { 'index.js': '' }, 'index.a.b', /Cannot read properties of undefined \(reading 'b'\)/],
      ['a bad main', { 'index.js': '' }, '.main', /Name of main function is not valid\./],
      ['a bad main at its end', { 'index.js': '' }, 'main.', /Name of main function is not valid\./],
      ['a throw', { 'index.js': 'throw new Error("at load")' }, 'main', /Error: at load/],
      ['a syntax error', { 'index.js': 'this is no code' }, 'main', /SyntaxError/],
      ['a broken package.json', { 'package.json': '{', 'index.js': '' }, 'main', /package\.json/],
    ])('with %s fails to initialise', async (__, files, main, error) => {
      await using session = await open();
      expect(await session.initArchive(pack(Object.entries(files)), main)).toMatchObject({
        status: 502,
        json: { error: expect.stringMatching(error) },
      });
      expect(await session.log('stderr')).toMatch(/^Error during initialization:/);
      expect(await session.sentinels('stderr')).toBe(1);
    });
  });

  it('keeps symbolic links and executable bits of a zip', async () => {
    await using session = await open();
    await session.initArchive(
      zip([
        ['real/x.js', 'exports.x = 1'],
        { name: 'alias', data: 'real', mode: linkMode },
        { name: 'tool', data: '#!/bin/sh', mode: 0o100755, stored: true },
        [
          'index.js',
          "exports.main = () => ({ ...require('./alias/x.js'), mode: require('fs').statSync('tool').mode & 0o777 })",
        ],
      ]),
    );
    expect((await session.run()).json).toEqual({ x: 1, mode: 0o755 });
  });

  it('reads zip64', async () => {
    await using session = await open();
    await session.initArchive(
      zip(
        [
          ['index.js', "exports.main = () => require('./x')"],
          ['x.js', 'exports.x = 1'],
        ],
        true,
      ),
    );
    expect((await session.run()).json).toEqual({ x: 1 });
  });

  it('reads zips of DOS hosts, whose names have backslashes', async () => {
    await using session = await open();
    await session.initArchive(
      zip([
        { name: 'lib\\x.js', data: 'exports.x = 1', host: 0, mode: 0 },
        { name: 'index.js', data: "exports.main = () => require('./lib/x.js')", host: 0, mode: 0 },
      ]),
    );
    expect((await session.run()).json).toEqual({ x: 1 });
  });

  it('reads links, long names and extended headers of a tar.gz', async () => {
    await using session = await open();
    const long = `${'d'.repeat(90)}/${'e'.repeat(90)}.js`;
    const longer = `${'g'.repeat(120)}.js`;
    await session.initArchive(
      tarGz([
        { name: 'pax_global_header', type: 'g', data: pax({ comment: 'x' }) },
        { name: 'x', type: 'x', data: pax({ path: long, mtime: '1.5' }) },
        { name: 'ignored', data: 'exports.a = 1' },
        { name: '././@LongLink', type: 'L', data: `${longer}\0` },
        { name: 'cut', data: 'exports.b = 2' },
        { name: 'dir/', type: '5' },
        { name: './index2.js', data: 'exports.c = 3' },
        { name: 'hard.js', type: '1', linkName: 'index2.js' },
        { name: 'soft.js', type: '2', linkName: './hard.js' },
        {
          name: 'index.js',
          data: `exports.main = () => ({ ...require('./${long}'), ...require('./${longer}'), ...require('./soft.js') })`,
        },
      ]),
    );
    expect((await session.run()).json).toEqual({ a: 1, b: 2, c: 3 });
  });

  it('reads a tar.gz whose gzip header names the file', async () => {
    await using session = await open();
    const plain = gzipSync(tar([['index.js', 'exports.main = () => ({ ok: 1 })']]));
    const named = Buffer.concat([
      plain.subarray(0, 3),
      Buffer.from([8]),
      plain.subarray(4, 10),
      Buffer.from('a.tar\0'),
      plain.subarray(10),
    ]);
    expect(await session.initArchive(named)).toMatchObject({ status: 200 });
    expect((await session.run()).json).toEqual({ ok: 1 });
  });
}
