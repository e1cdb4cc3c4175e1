/** What the action writes: all of it, in order, before the flush after the answer, with sentinels at the end. */
import { describe, expect, it } from 'vitest';
import { type OpenSession, sentinel } from './session.ts';

export function logContract(open: OpenSession): void {
  describe('logs', () => {
    it('come per stream in order, with a sentinel after every run', async () => {
      await using session = await open();
      await session.init(
        'console.log("at init"); function main({ n }) { console.log("out", n); console.error("err", n); return {} }',
      );
      await session.run({ n: 1 });
      await session.run({ n: 2 });
      expect(await session.log('stdout')).toBe(`at init\nout 1\n${sentinel}\nout 2\n${sentinel}\n`);
      expect(await session.log('stderr')).toBe(`err 1\n${sentinel}\nerr 2\n${sentinel}\n`);
    });

    it('come by console, process.stdout, descriptors, unfinished lines and bytes that are no text', async () => {
      await using session = await open();
      await session.init(`const fs = require('fs');
        function main() {
          console.log('ünïcode ☃');
          process.stdout.write('a');
          fs.writeSync(1, 'b');
          process.stdout.write(Buffer.from([0xff, 0xfe, 0x0a]));
          process.stdout.write('no end');
          return {};
        }`);
      await session.run();
      await session.vm.flushLogs();
      const bytes = Buffer.concat(
        session.records.filter(({ stream }) => stream === 'stdout').map((record) => record.bytes),
      );
      const expected = [
        Buffer.from('ünïcode ☃\nab'),
        Buffer.from([0xff, 0xfe, 0x0a]),
        Buffer.from(`no end${sentinel}\n`),
      ];
      expect(bytes).toEqual(Buffer.concat(expected));
    });

    it('are whole at the flush after the answer: 4 MB in one run', async () => {
      await using session = await open();
      await session.init(`function main({ lines }) {
        for (let n = 0; n < lines; n += 1) console.log(String(n).padStart(99, '.'));
        return {};
      }`);
      const lines = 40_000;
      await session.run({ lines });
      const got = (await session.log('stdout')).split('\n');
      expect(got.length).toBe(lines + 2);
      expect(got.slice(0, lines).every((line, n) => line === String(n).padStart(99, '.'))).toBe(true);
      expect(got[lines]).toBe(sentinel);
    });

    it('are whole in each of many quick runs', async () => {
      await using session = await open();
      await session.init('function main({ n }) { console.log("x".repeat(n)); return {} }');
      let expected = '';
      for (let n = 1; n <= 50; n += 1) {
        const length = n * 1000;
        await session.run({ n: length });
        expected += `${'x'.repeat(length)}\n${sentinel}\n`;
        expect((await session.log('stdout')).length).toBe(expected.length);
      }
      expect(await session.log('stdout')).toBe(expected);
    });

    it('end with sentinels even if the action replaces console and streams', async () => {
      await using session = await open();
      await session.init(`function main() {
        console.log = console.error = () => {};
        process.stdout.write = process.stderr.write = () => true;
        console.log('swallowed');
        return { ok: 1 };
      }`);
      expect((await session.run()).json).toEqual({ ok: 1 });
      expect(await session.log('stdout')).toBe(`${sentinel}\n`);
      expect(await session.log('stderr')).toBe(`${sentinel}\n`);
    });

    it('do not keep an answer back when the action ended its streams', async () => {
      await using session = await open();
      await session.init('function main() { process.stdout.end(); return { ok: 1 } }');
      expect((await session.run()).json).toEqual({ ok: 1 });
    });

    it('carry the time of writing', async () => {
      await using session = await open();
      const before = Date.now();
      await session.init('function main() { console.log("x"); return {} }');
      await session.run();
      await session.vm.flushLogs();
      expect(session.records.length).toBeGreaterThan(0);
      for (const { time } of session.records) {
        expect(time).toBeGreaterThan(before - 1000);
        expect(time).toBeLessThan(Date.now() + 1000);
      }
    });

    it('before the first listener are kept for it; a listener can be removed', async () => {
      await using session = await open();
      await session.init('function main() { console.log("x"); return {} }');
      const seen: string[] = [];
      const stop = session.vm.onLog(({ bytes }) => seen.push(Buffer.from(bytes).toString()));
      await session.run();
      await session.vm.flushLogs();
      const { length } = seen.join('');
      expect(length).toBeGreaterThan(0);
      stop();
      await session.run();
      await session.vm.flushLogs();
      expect(seen.join('').length).toBe(length);
    });
  });
}
