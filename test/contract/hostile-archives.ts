/** Archives that mean harm or are broken: each is refused at init with its reason, and costs no more than its own VM's init. */
import { gzipSync } from 'node:zlib';
import { linkMode, pax, tar, tarGz, zip } from '@ebbwhisk/action-runtime/testing/archives';
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

const index = ['index.js', 'exports.main = () => ({})'] as const;
const zipError = 'Initialization has failed due to: There was an error uncompressing the action Zip archive. ';
const tarError = 'Initialization has failed due to: There was an error uncompressing the action Tar GZ archive. ';

const zeros = (mebibytes: number) => Buffer.alloc(mebibytes * 1024 * 1024);

const zips: readonly (readonly [string, () => Buffer, RegExp])[] = [
  ['a name that climbs', () => zip([index, ['../evil.js', 'x']]), /'\.\.\/evil\.js' points out of the folder/],
  ['a name that climbs from within', () => zip([index, ['a/../../evil.js', 'x']]), /points out of the folder/],
  ['an absolute name', () => zip([index, ['/tmp/evil.js', 'x']]), /'\/tmp\/evil\.js' has an absolute name/],
  [
    'a climbing name with backslashes',
    () => zip([index, { name: '..\\evil.js', host: 0, mode: 0 }]),
    /points out of the folder/,
  ],
  ['a folder that climbs', () => zip([index, ['../evil/', '']]), /points out of the folder/],
  ['a zero byte in a name', () => zip([index, ['a\0b', 'x']]), /zero byte/],
  ['a long name', () => zip([index, ['n'.repeat(300), 'x']]), /too long a name/],
  ['an absolute link', () => zip([index, { name: 'l', data: '/etc', mode: linkMode }]), /'l' points out of the folder/],
  [
    'a climbing link',
    () => zip([index, { name: 'd/l', data: '../../x', mode: linkMode }]),
    /'d\/l' points out of the folder/,
  ],
  [
    'links that climb together',
    () =>
      zip([
        index,
        ['p/q/x', 'x'],
        { name: 'p/q/up', data: '../..', mode: linkMode },
        { name: 'l', data: 'p/q/up/../x', mode: linkMode },
      ]),
    /'l' points out of the folder/,
  ],
  [
    'a file behind a link',
    () => zip([index, { name: 'l', data: 'd', mode: linkMode }, ['l/evil', 'x']]),
    /'l' clashes with an earlier one/,
  ],
  [
    'a link in place of a folder',
    () => zip([index, ['d/x', 'x'], { name: 'd', data: 'e', mode: linkMode }]),
    /'d' clashes with an earlier one/,
  ],
  [
    'links that loop',
    () => zip([index, { name: 'a', data: 'b', mode: linkMode }, { name: 'b', data: 'a', mode: linkMode }]),
    /is part of a loop/,
  ],
  ['a device', () => zip([index, { name: 'd', mode: 0o020666 }]), /neither file, folder nor symbolic link/],
  ['an encrypted entry', () => zip([index, { name: 'e', data: 'x', flags: 1 }]), /'e' is encrypted/],
  ['an unknown method', () => zip([index, { name: 'm', data: 'x', method: 14 }]), /packed by method 14/],
  ['a wrong checksum', () => zip([index, { name: 'c', data: 'x', crc: 1 }]), /'c' is damaged/],
  ['a size that is too large', () => zip([index, { name: 's', data: 'x', size: 2 }]), /'s' is damaged/],
  ['a size that is too small', () => zip([index, { name: 's', data: zeros(64), size: 10 }]), /'s' is damaged/],
  [
    'entries that share their bytes',
    () => zip([index, ['a', 'x'], { name: 'b', data: 'x', sameAs: 1 }]),
    /'b' overlaps/,
  ],
  ['a bomb', () => zip([index, ['zeros', zeros(64)]]), /unpacks to more than 100 times its size/],
  [
    'a bomb of many files',
    () => zip([index, ...Array.from({ length: 64 }, (_, n) => [`z${n}`, zeros(1)] as const)]),
    /100 times its size/,
  ],
  [
    'a claim of 600 MiB',
    () => zip([index, { name: 's', data: 'x', size: 600 * 1024 * 1024 }]),
    /more than 536870912 bytes/,
  ],
  [
    'too many entries',
    () => zip(Array.from({ length: 65_600 }, (_, n) => ({ name: `f${n}`, stored: true }))),
    /central directory is damaged/,
  ],
  [
    'too many entries of zip64',
    () =>
      zip(
        Array.from({ length: 65_600 }, (_, n) => ({ name: `f${n}`, stored: true })),
        true,
      ),
    /more than 65536 entries/,
  ],
  ['a missing end', () => zip([index]).subarray(0, -10), /cut off or no zip archive/],
  [
    'a missing middle',
    () => Buffer.concat([zip([index]).subarray(0, 20), zip([index]).subarray(-22)]),
    /out of bounds|damaged/,
  ],
  ['only a beginning', () => Buffer.from('PK\x03\x04', 'latin1'), /cut off or no zip archive/],
];

const tars: readonly (readonly [string, () => Buffer, RegExp])[] = [
  ['a name that climbs', () => tarGz([index, ['../evil.js', 'x']]), /'\.\.\/evil\.js' points out of the folder/],
  ['an absolute name', () => tarGz([index, ['/tmp/evil.js', 'x']]), /has an absolute name/],
  [
    'a climbing extended name',
    () => tarGz([index, { name: 'x', type: 'x', data: pax({ path: '../evil' }) }, ['a', 'x']]),
    /points out of the folder/,
  ],
  [
    'a climbing long name',
    () => tarGz([index, { name: 'x', type: 'L', data: '../evil\0' }, ['a', 'x']]),
    /points out of the folder/,
  ],
  [
    'an absolute link',
    () => tarGz([index, { name: 'l', type: '2', linkName: '/etc' }]),
    /'l' points out of the folder/,
  ],
  [
    'a file behind a link',
    () => tarGz([index, { name: 'l', type: '2', linkName: '/etc' }, ['l/passwd', 'x']]),
    /clashes/,
  ],
  [
    'a hard link to the outside',
    () => tarGz([index, { name: 'h', type: '1', linkName: '/etc/passwd' }]),
    /absolute name/,
  ],
  [
    'a hard link to nothing',
    () => tarGz([index, { name: 'h', type: '1', linkName: 'later' }]),
    /names no earlier file/,
  ],
  [
    'a hard link to a link',
    () => tarGz([index, { name: 'l', type: '2', linkName: 'index.js' }, { name: 'h', type: '1', linkName: 'l' }]),
    /names no earlier file/,
  ],
  ['a device', () => tarGz([index, { name: 'd', type: '3' }]), /neither file, folder nor link/],
  ['a FIFO', () => tarGz([index, { name: 'd', type: '6' }]), /neither file, folder nor link/],
  [
    'a sparse file',
    () => tarGz([index, { name: 'x', type: 'x', data: pax({ 'GNU.sparse.major': '1' }) }, ['s', 'x']]),
    /[Ss]parse/,
  ],
  [
    'a damaged extended header',
    () => tarGz([index, { name: 'x', type: 'x', data: '99 path=a\n' }, ['s', 'x']]),
    /extended header is damaged/,
  ],
  ['a wrong checksum', () => tarGz([index, { name: 'c', data: 'x', badChecksum: true }]), /header is damaged/],
  ['a cut-off tar', () => gzipSync(tar([index, ['x', 'y'.repeat(2000)]]).subarray(0, 2000)), /cut off/],
  ['a cut-off gzip', () => tarGz([index, ['x', 'y'.repeat(2000)]]).subarray(0, -20), /unexpected end of file/],
  ['no tar inside', () => gzipSync('x'.repeat(4000)), /header is damaged/],
  ['a bomb', () => tarGz([index, ['zeros', zeros(64)]]), /unpacks to more than 100 times its size/],
  [
    'a bomb behind the end',
    () => gzipSync(Buffer.concat([tar([index]).subarray(0, -512), Buffer.from('x'), zeros(64)])),
    /damaged|100 times its size/,
  ],
  [
    'copies without end',
    () =>
      tarGz([
        index,
        ['a', zeros(10)],
        ...Array.from({ length: 60 }, (_, n) => ({ name: `h${n}`, type: '1', linkName: 'a' })),
      ]),
    /100 times its size/,
  ],
];

export function hostileArchiveContract(open: OpenSession): void {
  describe.each([
    ['zip', zipError, zips],
    ['tar.gz', tarError, tars],
  ] as const)('hostile %s archive', (_, prefix, cases) => {
    it.each(cases)('with %s is refused', async (__, make, reason) => {
      await using session = await open();
      const { status, json } = await session.initArchive(make());
      const { error } = json as { error: string };
      expect(error.slice(0, prefix.length)).toBe(prefix);
      expect(error.slice(prefix.length)).toMatch(reason);
      expect(status).toBe(502);
      expect(await session.log('stderr')).toMatch(/^Error during initialization: There was an error uncompressing/);
      expect(await session.sentinels('stderr')).toBe(1);
    });
  });

  it.each([
    ['text', Buffer.from("Ceci n'est pas un zip.\n")],
    ['nothing', Buffer.from([0])],
    ['bzip2', Buffer.from('BZh9rest')],
    ['gzip of another method', Buffer.from([0x1f, 0x8b, 7, 0, 0])],
  ])('an archive that is %s is refused', async (_, archive) => {
    await using session = await open();
    expect(await session.initArchive(archive)).toMatchObject({
      status: 502,
      json: {
        error:
          'Initialization has failed due to: There was an error uncompressing the action archive. The file type is unsupported',
      },
    });
  });
}
