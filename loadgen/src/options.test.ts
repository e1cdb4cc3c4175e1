import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { CommandLineExit, parseOptions } from './options.ts';

function complaint(line: string): { exitCode: number; text: string } {
  let text = '';
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  try {
    parseOptions(line.split(' '), stderr);
  } catch (error) {
    if (error instanceof CommandLineExit) return { exitCode: error.exitCode, text };
    throw error;
  }
  throw new Error('no complaint');
}

test('defaults', () => {
  expect(parseOptions([])).toEqual({
    mode: 'hot',
    via: 'api',
    target: 'libos',
    tender: 'auto',
    count: 1000,
    actions: 60,
    concurrency: 1,
    pool: 0,
    template: true,
    kind: 'nodejs:24',
    memory: 256,
    json: false,
  });
  expect(parseOptions(['--mode', 'cold']).count).toBe(20);
});

test('the mixed load ends by a count, or by the clock', () => {
  const line = '--mode mixed --duration 60 --cpu 80 --actions 7';
  expect(parseOptions(['--mode', 'mixed']).count).toBe(1000);
  expect(parseOptions(line.split(' '))).toMatchObject({ count: Infinity, duration: 60, cpu: 80, actions: 7 });
});

test('every flag', () => {
  const line =
    '--mode cold --via vm --target libos --tender kvm --profile general --count 7 --concurrency 2 --pool 3 --json';
  expect(parseOptions(line.split(' '))).toMatchObject({
    mode: 'cold',
    via: 'vm',
    tender: 'kvm',
    profile: 'general',
    count: 7,
    concurrency: 2,
    pool: 3,
    template: true,
    json: true,
  });
});

test.each([
  ['--mode warm --target process', /--mode warm needs --target libos/],
  ['--mode warm --apihost http://x', /--mode warm needs a stack of its own/],
  ['--mode mixed --via vm', /--mode mixed needs --via api/],
  ['--duration 5', /--duration needs --mode mixed/],
  ['--cpu 80', /--cpu needs --mode mixed/],
  ['--mode mixed --cpu 101', /whole number from 1 to 100/],
  ['--mode tepid', /Allowed choices are cold, warm, hot, mixed/],
  ['--count 0', /whole number from 1/],
  ['--count 1e3', /whole number/],
  ['--concurrency', /argument missing/],
  ['--nonsense', /unknown option '--nonsense'/],
  ['surplus', /too many arguments/],
  ['--no-template --mode cold --via api', /--no-template needs --via vm --mode cold/],
  ['--pool 2 --mode hot --via vm', /--pool needs --mode cold or warm/],
  ['--pool 2 --mode cold --apihost http://x', /--pool needs a stack of its own/],
  ['--profile bypass', /--profile needs --via vm/],
  ['--profile bypass --via vm --target process', /--profile needs --target libos/],
  ['--apihost http://x --via vm', /--apihost needs --via api/],
  ['--apihost localhost:3233x', /must be a URL/],
  ['--auth a:b', /--auth needs --apihost/],
])('%s is a mistake', (line, text) => {
  expect(complaint(line)).toEqual({ exitCode: 2, text: expect.stringMatching(text) });
});
