import { expect, test } from 'vitest';
import { LogCollector } from './log-collector.ts';

const kSentinel = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX';
const t0 = Date.parse('2023-11-14T22:13:20.100Z');
const stamp = '2023-11-14T22:13:20.100Z      ';

function collect(limitMb: number, ...records: ['stdout' | 'stderr', string | Uint8Array, number?][]): string[] {
  const collector = new LogCollector(limitMb);
  for (const [stream, text, time = t0] of records) {
    collector.add({ stream, time, bytes: typeof text === 'string' ? Buffer.from(text) : text });
  }
  return collector.take();
}

test('lines carry the padded time, the stream and the text', () => {
  expect(collect(10, ['stdout', 'hi\nthere\r\n'], ['stderr', '\n'])).toEqual([
    `${stamp} stdout: hi`,
    `${stamp} stdout: there`,
    `${stamp} stderr: `,
  ]);
  expect(`${stamp} stdout: `.indexOf('stdout')).toBe(31);
});

test('a line cut anywhere, also inside a character, is one line of the time it began', () => {
  const bytes = Buffer.from('grüße 🌍\n');
  for (let cut = 1; cut < bytes.length; cut += 1) {
    expect(
      collect(
        10,
        ['stdout', bytes.subarray(0, cut)],
        ['stderr', 'other\n', t0],
        ['stdout', bytes.subarray(cut), t0 + 5000],
      ),
    ).toEqual([`${stamp} stderr: other`, `${stamp} stdout: grüße 🌍`]);
  }
});

test('records are copied: their bytes may be used again', () => {
  const collector = new LogCollector(10);
  const bytes = Buffer.from('kept');
  collector.add({ stream: 'stdout', time: t0, bytes });
  bytes.fill('x');
  expect(collector.take()).toEqual([`${stamp} stdout: kept`]);
});

test('an unfinished line ends with the activation', () => {
  const collector = new LogCollector(10);
  collector.add({ stream: 'stdout', time: t0, bytes: Buffer.from('first') });
  expect(collector.take()).toEqual([`${stamp} stdout: first`]);
  collector.add({ stream: 'stdout', time: t0, bytes: Buffer.from('second\n') });
  expect(collector.take()).toEqual([`${stamp} stdout: second`]);
  expect(collector.take()).toEqual([]);
});

test('sentinels are dropped but end nothing', () => {
  expect(
    collect(10, ['stdout', `a\n${kSentinel}\nb\nc${kSentinel}\n${kSentinel}\r\n${kSentinel} not\n${kSentinel}`]),
  ).toEqual([`${stamp} stdout: a`, `${stamp} stdout: b`, `${stamp} stdout: c`, `${stamp} stdout: ${kSentinel} not`]);
});

test('beyond the limit there is one line that says so, and memory stays bounded', () => {
  const collector = new LogCollector(1);
  const bytes = Buffer.from(`${'x'.repeat(999)}\n`);
  for (let index = 0; index < 100_000; index += 1) collector.add({ stream: 'stdout', time: t0, bytes });
  const lines = collector.take();
  const size = lines.reduce((sum, line) => sum + line.length + 1, 0);
  expect(lines.at(-1)).toBe(
    `${stamp} stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.`,
  );
  expect(size).toBeGreaterThan(1_000_000);
  expect(size).toBeLessThan(1_050_000);
  collector.add({ stream: 'stdout', time: t0, bytes: Buffer.from('next\n') });
  expect(collector.take()).toEqual([`${stamp} stdout: next`]);
});

test('one endless line is cut at a character', () => {
  const collector = new LogCollector(1);
  const bytes = Buffer.from('é'.repeat(50_000));
  for (let index = 0; index < 30; index += 1) collector.add({ stream: 'stdout', time: t0, bytes });
  const [line, notice] = collector.take();
  expect(Buffer.byteLength(line ?? '')).toBeLessThanOrEqual(1_048_576);
  expect(line).toMatch(/stdout: é+$/);
  expect(notice).toContain('Logs were truncated');
});

test('empty lines count too', () => {
  expect(collect(1, ['stdout', '\n'.repeat(1_000_000)]).length).toBeLessThan(30_000);
});

test('limit 0 collects nothing', () => {
  expect(collect(0, ['stdout', 'hi\n'])).toEqual([]);
});
