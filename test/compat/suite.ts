/** The corpus as tests: each program once per target, its outcome compared with that of plain Node of the same kind. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '@ebbwhisk/libos-node';
import { afterAll, describe, expect, test } from 'vitest';
import { forTargets } from '../support/for-targets.ts';
import type { LibosTarget } from '../support/libos-targets.ts';
import { programs } from './corpus.ts';
import { differences } from './differences.ts';
import { libosHost, PlainNode } from './targets.ts';

const timeout = 70_000;

export function compatibility(kind: string, targets: readonly LibosTarget[]): void {
  const plain = new PlainNode(kind);
  afterAll(() => plain.end());
  forTargets(targets, (target) => {
    describe(`compatibility: ${kind}, ${target.name}`, () => {
      const host = libosHost(kind, target);
      afterAll(() => host.end());

      test.each(programs())('$name', { timeout }, async (program) => {
        const expected = await plain.outcome(program);
        // A program that fails on plain Node shows nothing.
        if (!program.ownVm) expect(expected).toMatchObject({ result: { done: true } });
        expect(await host.run(program)).toEqual(expected);
      });

      test.each(differences)('differs: $name', { timeout }, async ({ name, result }) => {
        const outcome = await host.run({ name: `differences/${name}.mjs`, ownVm: true });
        expect(outcome).toEqual({ stdout: '', stderr: '', result: { done: true, result } });
      });
    });
  });
}

/** Nothing differs without being told. */
export function documentation(): void {
  const text = readFileSync(join(rootFolder, 'docs/compatibility.md'), 'utf8');
  test.each(differences)('docs/compatibility.md names $name', ({ name }) => {
    expect(text).toContain(`(\`${name}\`)`);
  });
}
