import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultProfile, imageFileName } from '@ebbwhisk/libos-node/paths';
import { afterEach, expect, test } from 'vitest';
import { kindsOf } from './targets.ts';

const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-kinds-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the kinds of the local stack are those with an image, and nodejs:24', () => {
  writeFileSync(join(folder, imageFileName('nodejs:22', defaultProfile)), '');
  writeFileSync(join(folder, 'nodejs-26-general.ebbimage'), '');
  expect(kindsOf('libos', folder)).toEqual(['nodejs:22', 'nodejs:24']);
  expect(kindsOf('process', folder)).toEqual(['nodejs:24']);
});
