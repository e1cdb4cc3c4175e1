/** V8's code cache beside the contract: what one VM made of an action's text spares the next one the work, and never changes what it does. */
import { describe, expect, it } from 'vitest';
import type { OpenSession } from './session.ts';

const text = (n: number) => `
const units = [${Array.from({ length: 2_000 }, (_, i) => `(x) => [x, ${i}, ${n}].reduce((a, b) => (a * 31 + b) | 0, 7)`).join(',\n')}];
function main() { return { sum: units.reduce((sum, unit) => (sum + unit(1)) | 0, 0), n: ${n} }; }`;

export function codeCacheContract(open: OpenSession): void {
  describe('V8 code cache', () => {
    it('is made after a run, taken before /init, and refused for another text', async () => {
      await using first = await open();
      expect((await first.send('POST', '/code-cache', '')).text).toBe('{}');
      await first.init(text(1));
      const result = (await first.run({})).json;
      const { data } = (await first.send('POST', '/code-cache', '')).json as { data: string };
      expect(data.length).toBeGreaterThan(10_000);
      for (const [n, bytes] of [
        [1, Buffer.from(data, 'base64')],
        [2, Buffer.from(data, 'base64')],
        [1, Buffer.from('no cache at all')],
      ] as const) {
        await using session = await open();
        expect((await session.send('POST', '/code-cache', bytes)).status).toBe(200);
        expect((await session.init(text(n))).status).toBe(200);
        const answer = (await session.run({})).json;
        if (n === 1) expect(answer).toEqual(result);
        else expect(answer).toMatchObject({ n });
      }
    });
  });
}
