/** Bodies and connections: sizes at and beyond the limit, keep-alive, concurrency. */
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

const bodyLimit = 48 * 1024 * 1024;

export function limitContract(open: OpenSession): void {
  describe('bodies', () => {
    const code = 'function main(args) { return { length: args.text.length } } //';

    it('of 48 MiB are taken, larger ones refused with a clear error', { timeout: 60_000 }, async () => {
      await using session = await open({ memoryMb: 1024 });
      const frame = JSON.stringify({ value: { main: 'main', code } });
      const padded = frame.replace(' //', ` //${'c'.repeat(bodyLimit - frame.length)}`);
      expect(padded.length).toBe(bodyLimit);
      const refused = { status: 413, json: { error: `The request body exceeds the limit of ${bodyLimit} bytes.` } };
      expect(await session.send('POST', '/init', `${padded} `)).toMatchObject(refused);
      expect(await session.send('POST', '/init', padded)).toMatchObject({ status: 200 });
      const text = 'x'.repeat(bodyLimit - '{"value":{"text":""}}'.length);
      expect(await session.run({ text: `${text}y` })).toMatchObject(refused);
      expect((await session.run({ text })).json).toEqual({ length: text.length });
    });

    it('may come in chunks', async () => {
      await using session = await open();
      await session.init(code);
      const { request } = await import('node:http');
      const text = await new Promise<string>((resolve, reject) => {
        const sent = request({ socketPath: session.vm.socketPath, method: 'POST', path: '/run' }, (response) => {
          response.setEncoding('utf8');
          let got = '';
          response.on('data', (part: string) => {
            got += part;
          });
          response.on('end', () => resolve(got));
        });
        sent.on('error', reject);
        sent.write('{"value":{"te');
        // A character that is cut in two.
        sent.write(Buffer.concat([Buffer.from('xt":"'), Buffer.from('☃').subarray(0, 1)]));
        setTimeout(() => sent.end(Buffer.concat([Buffer.from('☃').subarray(1), Buffer.from('"}}')])), 20);
      });
      expect(text).toBe('{"length":1}');
    });
  });

  describe('garbage', () => {
    it('is collected when that is asked for, and the action goes on', async () => {
      await using session = await open();
      expect(await session.send('POST', '/collect', '')).toMatchObject({ status: 200, text: '{}' });
      const text = Array.from({ length: 40_000 }, (_, n) => `line ${n}`).join('\\n');
      await session.init(
        `let runs = 0; const text = '${text}'; function main({ asked }) { return { runs: ++runs, right: asked === text, gc: typeof gc }; }`,
      );
      const asked = text.replaceAll('\\n', '\n');
      expect((await session.run({ asked })).json).toEqual({ runs: 1, right: true, gc: 'undefined' });
      expect((await session.send('POST', '/collect', '')).status).toBe(200);
      expect((await session.run({ asked })).json).toEqual({ runs: 2, right: true, gc: 'undefined' });
    });
  });

  describe('connections', () => {
    it('stay open for run after run', async () => {
      await using session = await open();
      await session.init('let n = 0; function main() { n += 1; return { n } }');
      for (let n = 1; n <= 200; n += 1) expect((await session.run()).json).toEqual({ n });
    });
  });

  describe('concurrency', () => {
    const code =
      'let waiting = []; function main({ n, of }) { return new Promise((done) => { waiting.push(() => done({ n })); if (waiting.length === of) waiting.forEach((f) => f()) }) }';

    it('is allowed by __OW_ALLOW_CONCURRENT of the VM', async () => {
      await using session = await open({ env: { __OW_ALLOW_CONCURRENT: 'True' } });
      await session.init(code);
      const replies = await Promise.all([1, 2, 3, 4, 5].map((n) => session.run({ n, of: 5 })));
      expect(replies.map(({ json }) => json)).toEqual([1, 2, 3, 4, 5].map((n) => ({ n })));
      expect(await session.sentinels('stdout')).toBe(5);
      expect(await session.sentinels('stderr')).toBe(5);
    });

    it.each([['false'], ['1'], ['']])('is not by %j', async (value) => {
      await using session = await open({ env: { __OW_ALLOW_CONCURRENT: value } });
      await session.init(code);
      const first = session.run({ n: 1, of: 2 });
      first.catch(() => {});
      await new Promise((done) => setTimeout(done, 50));
      expect(await session.run({ n: 2, of: 2 })).toMatchObject({
        status: 403,
        json: { error: 'System not ready, status is running.' },
      });
    });

    it('ends for all when one run throws', async () => {
      await using session = await open({ env: { __OW_ALLOW_CONCURRENT: 'true' } });
      await session.init(
        'function main({ bad }) { if (bad) throw new Error("x"); return new Promise((done) => setTimeout(done, 100)) }',
      );
      const good = session.run({});
      await new Promise((done) => setTimeout(done, 20));
      expect((await session.run({ bad: true })).status).toBe(502);
      expect((await good).status).toBe(200);
      expect(await session.run({})).toMatchObject({
        status: 403,
        json: { error: 'System not ready, status is stopped.' },
      });
    });
  });
}
