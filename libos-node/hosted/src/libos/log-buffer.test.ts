import { expect, test } from 'vitest';
import type { LogRecord } from '../vm.ts';
import { LineSplitter, LogBuffer, Tail } from './log-buffer.ts';

function record(text: string): LogRecord {
  return { stream: 'stdout', time: 0, bytes: Buffer.from(text) };
}

test('replays to the first listener alone, drops the oldest beyond the bound', () => {
  const buffer = new LogBuffer(6);
  for (const text of ['aaa', 'bbb', 'ccc']) buffer.push(record(text));
  const first: string[] = [];
  const second: string[] = [];
  buffer.add(({ bytes }) => first.push(bytes.toString()));
  buffer.add(({ bytes }) => second.push(bytes.toString()));
  buffer.push(record('ddd'));
  expect(first).toEqual(['bbb', 'ccc', 'ddd']);
  expect(second).toEqual(['ddd']);
});

test('a listener that is stopped hears no more, whoever else listens', () => {
  const buffer = new LogBuffer();
  const heard: string[] = [];
  const listener = ({ bytes }: LogRecord): void => void heard.push(bytes.toString());
  const stop = buffer.add(listener);
  buffer.add(listener);
  buffer.push(record('twice'));
  stop();
  buffer.push(record('once'));
  expect(heard).toEqual(['twice', 'twice', 'once']);
});

test('a tail keeps the last bytes', () => {
  const tail = new Tail(5);
  tail.push(Buffer.from('abc'));
  tail.push(Buffer.from('defg'));
  expect(tail.toString()).toBe('cdefg');
  tail.push(Buffer.from('0123456789'));
  expect(tail.toString()).toBe('56789');
});

test('lines come whole, long ones in bounded pieces', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line), 4);
  splitter.push(Buffer.from('ab\ncd'));
  splitter.push(Buffer.from('ef\n0123456789\nx'));
  splitter.end();
  expect(lines).toEqual(['ab', 'cdef', '0123', '4567', '89', 'x']);
});
