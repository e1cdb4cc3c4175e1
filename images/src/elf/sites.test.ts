import { expect, test } from 'vitest';
import { librariesOf, standardFolders } from '../libraries.ts';
import { Elf } from './elf.ts';
import { makeElf } from './elf-maker.ts';
import { SITE_CMP, SITE_CMP_4096, SITE_CMP32_4096, SITE_MOV, scanSites } from './sites.ts';

const TEXT = 0x1000;

/** One function of the given code at file offset 0x1000. */
function scan(hex: string, extra: { addends?: number[]; size?: number } = {}): ReturnType<typeof scanSites> {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const elf = makeElf({
    type: 3,
    segments: [{ vaddr: TEXT, flags: 5, bytes }],
    symbols: [{ name: 'f', value: TEXT, size: extra.size ?? bytes.length }],
    addends: extra.addends ?? [],
  });
  return scanSites(new Elf(elf, 'test'));
}

const MOV = 'b8 27 00 00 00 0f 05 c3';
const CMP = '0f 05 48 3d 01 f0 ff ff c3';

test('finds each form at its offset', () => {
  expect(scan(`90 ${MOV}`)).toEqual({ sites: [{ offset: TEXT + 1, form: SITE_MOV }], other: 0, refused: 0 });
  expect(scan(`89 d0 ${CMP}`)).toEqual({ sites: [{ offset: TEXT + 2, form: SITE_CMP }], other: 0, refused: 0 });
  expect(scan('0f 05 48 3d 00 f0 ff ff c3').sites).toEqual([{ offset: TEXT, form: SITE_CMP_4096 }]);
  expect(scan('0f 05 3d 00 f0 ff ff c3').sites).toEqual([{ offset: TEXT, form: SITE_CMP32_4096 }]);
});

test('a syscall with both forms is a MOV site alone', () => {
  expect(scan('b8 01 00 00 00 0f 05 48 3d 01 f0 ff ff c3').sites).toEqual([{ offset: TEXT, form: SITE_MOV }]);
});

test('counts syscalls of other forms', () => {
  expect(scan('48 c7 c0 0f 00 00 00 0f 05 c3')).toEqual({ sites: [], other: 1, refused: 0 });
  expect(scan('0f 05 85 c0 c3')).toEqual({ sites: [], other: 1, refused: 0 });
});

test('a number beyond the table is no syscall number', () => {
  expect(scan('b8 00 04 00 00 0f 05 c3')).toEqual({ sites: [], other: 1, refused: 0 });
});

test('refuses bytes that are inside other instructions', () => {
  // mov $0x50f,%eax has the bytes of a syscall in its immediate; movabs hides a whole site; 41 b8 loads r8d.
  expect(scan('b8 0f 05 00 00 c3')).toEqual({ sites: [], other: 0, refused: 0 });
  expect(scan('48 b8 b8 27 00 00 00 0f 05 00 c3')).toEqual({ sites: [], other: 0, refused: 1 });
  expect(scan('41 b8 27 00 00 00 0f 05 c3')).toEqual({ sites: [], other: 0, refused: 1 });
});

test('refuses a site that a direct jump enters behind its first byte', () => {
  expect(scan(`eb 02 ${CMP}`)).toEqual({ sites: [], other: 0, refused: 1 });
  expect(scan(`eb 01 ${MOV}`)).toEqual({ sites: [], other: 0, refused: 1 });
});

test('keeps a site that is jumped to at its start, or at the syscall behind the mov', () => {
  expect(scan(`eb 00 ${CMP}`).sites).toHaveLength(1);
  expect(scan(`eb 05 ${MOV}`).sites).toHaveLength(1);
});

test('refuses a site into which a relocated address leads', () => {
  expect(scan(CMP, { addends: [TEXT + 2] })).toEqual({ sites: [], other: 0, refused: 1 });
  expect(scan(CMP, { addends: [TEXT] }).sites).toHaveLength(1);
});

test('refuses everything in a function that does not decode to its end', () => {
  expect(scan(`06 ${MOV}`)).toEqual({ sites: [], other: 0, refused: 1 });
  expect(scan(`${MOV} 06`)).toEqual({ sites: [], other: 0, refused: 1 });
  expect(scan(MOV, { size: 6 }).sites).toEqual([]);
});

test('refuses a site outside any known function', () => {
  expect(scan(`c3 ${MOV}`, { size: 1 })).toEqual({ sites: [], other: 0, refused: 1 });
});

test('the C library and its loader have most of their syscalls in known forms', () => {
  const elf = new Elf(
    makeElf({ segments: [{ vaddr: 0x400000, flags: 4, bytes: Buffer.alloc(8) }], needed: ['libc.so.6'] }),
    'test',
  );
  const libraries = librariesOf(elf, [], standardFolders);
  const sitesOf = (name: string) => {
    const library = libraries.find((candidate) => candidate.name === name);
    if (library === undefined) throw new Error(`no ${name}`);
    const { sites, other, refused } = scanSites(library.elf);
    for (const { offset, form } of sites) {
      const at = form === SITE_MOV ? offset + 5 : offset;
      expect(library.elf.bytes.subarray(at, at + 2).toString('hex')).toBe('0f05');
    }
    expect(sites.map(({ offset }) => offset)).toEqual(sites.map(({ offset }) => offset).sort((a, b) => a - b));
    return { found: sites.length, all: sites.length + other + refused };
  };
  const libc = sitesOf('libc.so.6');
  expect(libc.found).toBeGreaterThan(400);
  expect(libc.found / libc.all).toBeGreaterThan(0.9);
  const loader = sitesOf('ld-linux-x86-64.so.2');
  expect(loader.found).toBeGreaterThan(30);
});
