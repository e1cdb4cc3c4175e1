/** Snapshots of functions, under each tender: what a VM had become is what the clones of its snapshot find, and it goes on itself. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootLibos, type CloneOptions, Templates } from '@ebbwhisk/libos-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../contract/session.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const counting = `
let n = 0;
const kept = Array.from({ length: 50_000 }, (_, i) => ({ i, text: 'item ' + i }));
function main({ step = 1 }) {
  n += step;
  return { n, sum: kept.reduce((sum, { i }) => sum + i, 0), text: kept[n].text };
}`;

forTargets(libosTenders, ({ tender, name }) => {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-functions-'));
  const templates = new Templates({ folder });
  const options = { kind: 'nodejs:24', memoryMb: 256, tender } as const;
  const clone = async (more: Partial<CloneOptions> = {}): Promise<Session> =>
    new Session(await templates.clone({ ...options, ...more }));
  const file = join(folder, 'counting.function');

  describe(`functions: ${name}`, () => {
    beforeAll(() => templates.prepare(options));
    afterAll(async () => {
      await templates.close();
      rmSync(folder, { recursive: true });
    });

    test('a snapshot is taken between two requests', async () => {
      const session = await clone();
      expect((await session.vm.stats()).start).toBe('cold');
      await session.init(counting);
      expect((await session.run({})).json).toMatchObject({ n: 1 });
      await session.vm.snapshot(file);
      expect((await session.run({})).json).toMatchObject({ n: 2 });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      await session.vm.end();
    });

    test('clones of it go on from there, each for itself', async () => {
      for (let i = 0; i < 3; i++) {
        const session = await clone({ functionSnapshot: file });
        expect((await session.vm.stats()).start).toBe('warm');
        expect((await session.run({ step: 7 })).json).toEqual({ n: 8, sum: 1_249_975_000, text: 'item 8' });
        expect((await session.run({})).json).toMatchObject({ n: 9 });
        await session.vm.end();
      }
    });

    test('and can be snapshotted in their turn', async () => {
      const next = join(folder, 'next.function');
      const session = await clone({ functionSnapshot: file });
      expect((await session.run({ step: 2 })).json).toMatchObject({ n: 3 });
      await session.vm.snapshot(next);
      await session.vm.snapshot(next);
      await session.vm.end();
      const later = await clone({ functionSnapshot: next });
      expect((await later.run({})).json).toEqual({ n: 4, sum: 1_249_975_000, text: 'item 4' });
      await later.vm.end();
    });

    test('of a long text it holds the text once, when garbage was collected', async () => {
      const mark = `mark-${tender}-3f9c`;
      const lines = Array.from(
        { length: 20_000 },
        (_, n) => `const line${n} = () => 'a line of a long text, number ${n}';`,
      );
      // In the middle: memory that was given back may still hold the end.
      lines[10_000] += ` // ${mark}`;
      const code = `${lines.join('\n')}\nfunction main() { return { text: line7() }; }`;
      const long = join(folder, 'long.function');
      const session = await clone();
      await session.init(code);
      const answer = (await session.run({})).json;
      const taken = async () => {
        await session.vm.snapshot(long);
        const bytes = readFileSync(long);
        let marks = 0;
        for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) marks += 1;
        return { marks, size: bytes.length };
      };
      const before = await taken();
      expect((await session.send('POST', '/collect', '')).status).toBe(200);
      const after = await taken();
      await session.vm.end();
      // Whether there is garbage before is V8's to choose.
      expect(before.marks).toBeGreaterThanOrEqual(1);
      expect(after.marks).toBe(1);
      if (before.marks > 1) expect(after.size).toBeLessThan(before.size - code.length);
      const later = await clone({ functionSnapshot: long });
      expect((await later.run({})).json).toEqual(answer);
      await later.vm.end();
    });

    test('a file that is missing, damaged or of another template is refused', async () => {
      const refused = { code: 'VM_SNAPSHOT_REFUSED' };
      await expect(clone({ functionSnapshot: join(folder, 'none') })).rejects.toMatchObject(refused);
      const [template = ''] = readdirSync(folder).filter((each) => each.endsWith('.snapshot'));
      await expect(clone({ functionSnapshot: join(folder, template) })).rejects.toMatchObject(refused);
      await expect(clone({ functionSnapshot: file, memoryMb: 128 })).rejects.toMatchObject(refused);
      const bytes = readFileSync(file);
      for (const place of [9, 100, 5000, bytes.length >> 1, bytes.length - 1]) {
        const damaged = Buffer.from(bytes);
        damaged[place] = (damaged[place] ?? 0) ^ 1;
        writeFileSync(file, damaged);
        await expect(clone({ functionSnapshot: file }), String(place)).rejects.toMatchObject(refused);
      }
      writeFileSync(file, bytes);
      const session = await clone({ functionSnapshot: file });
      expect((await session.run({})).json).toMatchObject({ n: 2 });
      await session.vm.end();
    });

    test('who computes without end is not snapshotted, and goes on', async () => {
      const session = await clone();
      await session.init(
        'function main({ ms }) { const end = Date.now() + ms; while (Date.now() < end); return { ok: 1 }; }',
      );
      const run = session.run({ ms: 2500 });
      await new Promise((resolve) => setTimeout(resolve, 50));
      await expect(session.vm.snapshot(join(folder, 'busy'))).rejects.toMatchObject({ code: 'VM_SNAPSHOT_FAILED' });
      expect((await run).json).toEqual({ ok: 1 });
      await expect(session.vm.snapshot('/nonexistent/file')).rejects.toMatchObject({ code: 'VM_SNAPSHOT_FAILED' });
      expect((await session.run({ ms: 1 })).json).toEqual({ ok: 1 });
      await session.vm.end();
      await expect(session.vm.snapshot(file)).rejects.toMatchObject({ code: 'VM_ENDED' });
    });

    test('a VM that booted has no snapshot', async () => {
      const vm = await bootLibos(options);
      await expect(vm.snapshot(file)).rejects.toMatchObject({ code: 'VM_NO_SNAPSHOT' });
      await vm.end();
    });

    test('no temporary file is left', () => {
      expect(readdirSync(folder).filter((each) => each.endsWith('.tmp'))).toEqual([]);
    });
  });
});
