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
    burstSize: 100,
    burstEvery: 10,
    background: 50,
    density: 'cached',
    image: 'openwhisk/action-nodejs-v24',
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

test('bursts end by the clock alone', () => {
  const line = '--mode burst --burst-size 7 --burst-every 2 --background 9 --stack-memory 4096';
  expect(parseOptions(line.split(' '))).toMatchObject({
    count: Infinity,
    duration: 60,
    burstSize: 7,
    burstEvery: 2,
    background: 9,
    stackMemory: 4096,
  });
  expect(parseOptions('--mode burst --burst-every 100'.split(' ')).duration).toBe(100);
});

test('density ends by a count, or by a budget', () => {
  const line = '--mode density --via vm';
  expect(parseOptions(line.split(' '))).toMatchObject({ count: 100, density: 'cached' });
  expect(parseOptions(`${line} --density live --target process --budget 500`.split(' '))).toMatchObject({
    count: Infinity,
    budget: 500,
    density: 'live',
  });
});

test('containers, saved results', () => {
  const line =
    '--target docker --via vm --mode cold --image localhost:5000/own/image@sha256:0a --save a.json --label x';
  expect(parseOptions(line.split(' '))).toMatchObject({ target: 'docker', save: 'a.json', label: 'x' });
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
  ['--duration 5', /--duration needs --mode mixed or burst/],
  ['--mode burst --via vm', /--mode burst needs --via api/],
  ['--mode burst --count 5', /--mode burst ends by --duration/],
  ['--mode burst --duration 5', /--duration must hold one --burst-every/],
  ['--mode burst --burst-size 0', /whole number from 1 to 5000/],
  ['--burst-size 5', /--burst-size needs --mode burst/],
  ['--burst-every 5', /--burst-every needs --mode burst/],
  ['--background 5', /--background needs --mode burst/],
  ['--mode density', /--mode density needs --via vm/],
  ['--mode density --via vm --target process', /--density cached needs --target libos/],
  ['--density live', /--density needs --mode density/],
  ['--mode density --via vm --density dead', /Allowed choices are cached, live/],
  ['--budget 5', /--budget needs --mode density/],
  ['--stack-memory 512 --via vm', /--stack-memory needs a stack of its own/],
  ['--target docker', /--target docker needs --via vm/],
  ['--target docker --via vm --mode density --density live', /--target docker needs --mode cold or hot/],
  ['--target docker --via vm --tender kvm', /--tender needs --target libos/],
  ['--target docker --via vm --profile ebb', /--profile needs --target libos/],
  ['--target docker --via vm --image --privileged', /must be the name of an image/],
  ['--image x', /--image needs --target docker/],
  ['--label x', /--label needs --save/],
  ['--cpu 80', /--cpu needs --mode mixed/],
  ['--mode mixed --cpu 101', /whole number from 1 to 100/],
  ['--mode tepid', /Allowed choices are cold, warm, hot, mixed, burst, density/],
  ['--count 0', /whole number from 1/],
  ['--count 1e3', /whole number/],
  ['--concurrency', /argument missing/],
  ['--nonsense', /unknown option '--nonsense'/],
  ['surplus', /too many arguments/],
  ['--no-template --mode cold --via api', /--no-template needs --via vm --mode cold/],
  ['--pool 2 --mode hot --via vm', /--pool needs --mode cold, warm or burst/],
  ['--pool 2 --mode cold --apihost http://x', /--pool needs a stack of its own/],
  ['--profile bypass', /--profile needs --via vm/],
  ['--profile bypass --via vm --target process', /--profile needs --target libos/],
  ['--apihost http://x --via vm', /--apihost needs --via api/],
  ['--apihost localhost:3233x', /must be a URL/],
  ['--auth a:b', /--auth needs --apihost/],
])('%s is a mistake', (line, text) => {
  expect(complaint(line)).toEqual({ exitCode: 2, text: expect.stringMatching(text) });
});
