import { expect, test, vi } from 'vitest';
import { type LogLine, RecentLogs } from './recent-logs.ts';

const kSentinel = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX';
const write = (logs: RecentLogs, text: string, stream: LogLine['stream'] = 'stdout', time = 1) =>
  logs.add({ stream, time, bytes: Buffer.from(text) });
const texts = (logs: RecentLogs) => logs.lines().map(({ text }) => text);

test('lines come whole, without sentinels, the unfinished last', () => {
  const logs = new RecentLogs();
  write(logs, 'one\ntw', 'stdout', 5);
  write(logs, `err\n${kSentinel}\n`, 'stderr', 6);
  write(logs, `o\n${kSentinel}\nrest`, 'stdout', 7);
  expect(logs.lines()).toEqual([
    { time: 5, stream: 'stdout', text: 'one' },
    { time: 6, stream: 'stderr', text: 'err' },
    { time: 5, stream: 'stdout', text: 'two' },
    { time: 7, stream: 'stdout', text: 'rest' },
  ]);
});

test('the newest are kept, within the bound', () => {
  const logs = new RecentLogs();
  for (let index = 0; index < 5_000; index += 1) write(logs, `line ${index}\n`);
  const kept = texts(logs);
  expect(kept.at(-1)).toBe('line 4999');
  expect(kept[0]).toBe(`line ${5_000 - kept.length}`);
  expect(kept.length).toBeGreaterThan(500);
  expect(kept.length).toBeLessThan(1_025);
});

test('a line whose beginning was dropped is not shown as if it were whole', () => {
  const logs = new RecentLogs();
  write(logs, 'BEGIN');
  for (let index = 0; index < 100; index += 1) write(logs, 'y'.repeat(1_000));
  write(logs, ' END\nwhole\n');
  expect(texts(logs)).toEqual(['whole']);
  write(logs, `${'z'.repeat(100_000)}\nlast\n`);
  expect(texts(logs)).toEqual(['last']);
});

test('records are cut into lines when somebody looks, not as they come', () => {
  const logs = new RecentLogs();
  const bytes = Buffer.from('one\ntwo\n');
  const indexOf = vi.spyOn(bytes, 'indexOf');
  logs.add({ stream: 'stdout', time: 1, bytes });
  expect(indexOf).not.toHaveBeenCalled();
  expect(texts(logs)).toEqual(['one', 'two']);
  expect(indexOf).toHaveBeenCalled();
});

test('empty lines and an endless line stay bounded too', () => {
  const logs = new RecentLogs();
  write(logs, '\n'.repeat(100_000));
  expect(texts(logs).length).toBeLessThan(1_025);
  for (let index = 0; index < 1_000; index += 1) write(logs, 'x'.repeat(1_000));
  expect(texts(logs).at(-1)).toHaveLength(8 * 1024);
});

test('a follower gets what was, what comes, the unfinished line at the end, and then nothing', () => {
  const logs = new RecentLogs();
  write(logs, 'before\n');
  const seen: string[] = [];
  const follower = { onLine: ({ text }: LogLine) => void seen.push(text), onEnd: () => void seen.push('END') };
  logs.follow(follower);
  const stop = logs.follow({ onLine: () => {}, onEnd: () => void seen.push('not this one') });
  stop();
  write(logs, 'after\nlast');
  logs.close();
  logs.close();
  expect(seen).toEqual(['before', 'after', 'last', 'END']);
  logs.follow({ onLine: () => {}, onEnd: () => void seen.push('late END') });
  expect(seen.at(-1)).toBe('late END');
});
