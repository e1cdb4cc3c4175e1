import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '@ebbwhisk/libos-node/paths';
import { expect, test } from 'vitest';
import * as abi from './abi.ts';
import { SITE_CMP, SITE_CMP_4096, SITE_CMP32_4096, SITE_MOV } from './elf/sites.ts';

const header = readFileSync(join(rootFolder, 'libos-node/abi/ebb_abi.h'), 'utf8');

function define(name: string): number | string {
  const text = new RegExp(`^#define ${name} (.+?)(?:u|ull)?$`, 'm').exec(header)?.[1];
  if (text === undefined) throw new Error(`no ${name} in the header`);
  return text.startsWith('"') ? text.slice(1, -1) : Number(text);
}

function enumerator(name: string): number {
  const text = new RegExp(`\\b${name} = (\\d+)`).exec(header)?.[1];
  if (text === undefined) throw new Error(`no ${name} in the header`);
  return Number(text);
}

function sizeOf(struct: string): number {
  const text = new RegExp(`EBB_ASSERT_SIZE\\(struct ${struct}, ([^)]+)\\)`).exec(header)?.[1] ?? '';
  return text
    .split('+')
    .reduce((sum, term) => sum + term.split('*').reduce((product, factor) => product * Number(factor), 1), 0);
}

test('numbers are those of the C header', () => {
  expect({
    EBB_ABI_VERSION: abi.ABI_VERSION,
    EBB_PAGE_SIZE: abi.PAGE_SIZE,
    EBB_EXE_BASE: abi.EXE_BASE,
    EBB_EXE_END: abi.EXE_END,
    EBB_KERNEL_BASE: abi.KERNEL_BASE,
    EBB_KERNEL_END: abi.KERNEL_END,
    EBB_FS_BASE: abi.FS_BASE,
    EBB_FS_END: abi.FS_END,
    EBB_PROT_READ: abi.PROT_READ,
    EBB_PROT_WRITE: abi.PROT_WRITE,
    EBB_PROT_EXEC: abi.PROT_EXEC,
    EBB_IMAGE_MAX_SEGMENTS: abi.IMAGE_MAX_SEGMENTS,
    EBB_IMAGE_MAGIC: abi.IMAGE_MAGIC,
    EBB_FS_MAGIC: abi.FS_MAGIC,
  }).toEqual(
    Object.fromEntries(
      [
        'EBB_ABI_VERSION',
        'EBB_PAGE_SIZE',
        'EBB_EXE_BASE',
        'EBB_EXE_END',
        'EBB_KERNEL_BASE',
        'EBB_KERNEL_END',
        'EBB_FS_BASE',
      ]
        .concat(['EBB_FS_END', 'EBB_PROT_READ', 'EBB_PROT_WRITE', 'EBB_PROT_EXEC', 'EBB_IMAGE_MAX_SEGMENTS'])
        .concat(['EBB_IMAGE_MAGIC', 'EBB_FS_MAGIC'])
        .map((name) => [name, define(name)]),
    ),
  );
});

test('enumerators are those of the C header', () => {
  expect([abi.SEGMENT_KERNEL, abi.SEGMENT_EXE, abi.SEGMENT_FS]).toEqual(
    ['EBB_SEGMENT_KERNEL', 'EBB_SEGMENT_EXE', 'EBB_SEGMENT_FS'].map(enumerator),
  );
  expect([SITE_MOV, SITE_CMP, SITE_CMP_4096, SITE_CMP32_4096]).toEqual(
    ['EBB_SITE_MOV', 'EBB_SITE_CMP', 'EBB_SITE_CMP_4096', 'EBB_SITE_CMP32_4096'].map(enumerator),
  );
  const forms = /enum ebb_site_form \{([^}]*)\}/.exec(header)?.[1] ?? '';
  expect([...forms.matchAll(/EBB_SITE_\w+ = (\d+)/g)].map(([, value]) => Number(value))).toEqual(abi.SITE_FORMS);
});

test('sizes are those that the C header asserts', () => {
  expect(abi.SEGMENT_SIZE).toBe(sizeOf('ebb_image_segment'));
  expect(abi.HEADER_SIZE).toBe(sizeOf('ebb_image_header'));
  expect(abi.FS_HEADER_SIZE).toBe(sizeOf('ebb_fs_header'));
  expect(abi.FS_ENTRY_SIZE).toBe(sizeOf('ebb_fs_entry'));
  expect(abi.FS_SITE_SIZE).toBe(sizeOf('ebb_site'));
  expect(abi.HEADER_SIZE).toBeLessThanOrEqual(abi.HEADER_PAGE);
});
