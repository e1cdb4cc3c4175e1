import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseOptions } from '../options.ts';
import { measure } from '../runner.ts';
import { sampleRun } from '../testing/saved-run.ts';
import { parseSaved, readSaved } from './read.ts';
import { checkSavable, save } from './save.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ebbwhisk-saved-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const { machine } = sampleRun();

async function measured() {
  const signal = new AbortController().signal;
  return measure({ count: 10, concurrency: 2, signal }, (n) => Promise.resolve({ ms: 1 + n, start: 'hot' }));
}

test('what is saved is read again, without what is secret', async () => {
  const file = join(folder, 'a.json');
  const line = `--apihost http://user:word@127.0.0.1:1/x --auth secret:key --save ${file} --label mine`;
  await save(file, parseOptions(line.split(' ')), machine, await measured());
  const saved = await readSaved(file);
  expect(saved).toEqual(JSON.parse(await readFile(file, 'utf8')));
  expect(saved).toMatchObject({ label: 'mine', interference: null, density: null, windows: [], machine });
  expect(saved.options).toEqual({
    mode: 'hot',
    via: 'api',
    target: 'libos',
    tender: 'auto',
    count: 1000,
    concurrency: 1,
    kind: 'nodejs:24',
    memory: 256,
    apihost: 'http://127.0.0.1:1',
  });
  expect(saved.series[0]).toMatchObject({ name: 'invocations', count: 10, errors: 0, starts: { hot: 10 } });
  expect(saved.series[0]?.histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(10);
  expect(saved.series[0]?.points).toHaveLength(10);
  const text = await readFile(file, 'utf8');
  for (const secret of ['secret', 'word', folder]) expect(text).not.toContain(secret);
});

test('without a label it is called by its options', async () => {
  const file = join(folder, 'b.json');
  const line = '--mode burst --tender process';
  await save(file, parseOptions(line.split(' ')), machine, await measured());
  expect((await readSaved(file)).label).toBe('burst via api, LibOS, process tender');
});

test('a place that cannot be written is found out beforehand', async () => {
  await expect(checkSavable(join(folder, 'none', 'a.json'))).rejects.toMatchObject({ code: 'SAVE_FAILED' });
  await expect(checkSavable(folder)).rejects.toMatchObject({ code: 'SAVE_FAILED' });
  await expect(checkSavable(join(folder, 'new.json'))).resolves.toBeUndefined();
});

test('a whole run is taken as it is', () => {
  expect(parseSaved(JSON.stringify(sampleRun()))).toEqual(sampleRun());
});

const series = sampleRun().series[0];

test.each([
  ['null', /run: no object/],
  ['{"format":"x"}', /not written by --save/],
  [JSON.stringify({ ...sampleRun(), version: 2 }), /version 2, not 1/],
  [JSON.stringify({ ...sampleRun(), label: 7 }), /run\.label: no short text/],
  [JSON.stringify({ ...sampleRun(), label: 'x'.repeat(1_001) }), /run\.label: no short text/],
  [JSON.stringify({ ...sampleRun(), perSecond: -1 }), /run\.perSecond: negative/],
  [JSON.stringify(sampleRun()).replace('"perSecond":10', '"perSecond":1e999'), /run\.perSecond: no number/],
  [
    JSON.stringify({ ...sampleRun(), series: [{ ...series, histogram: [[1.5, 2]] }] }),
    /histogram\[0\]\[0\]: no bucket/,
  ],
  [JSON.stringify({ ...sampleRun(), series: [{ ...series, histogram: [[9999, 2]] }] }), /no bucket/],
  [JSON.stringify({ ...sampleRun(), series: [{ ...series, points: [[1]] }] }), /points\[0\]: no pair/],
  [JSON.stringify({ ...sampleRun(), series: Array(17).fill(series) }), /run\.series: more than 16/],
  [JSON.stringify({ ...sampleRun(), machine: {} }), /run\.machine\.cpu: no short text/],
  [JSON.stringify({ ...sampleRun(), interference: { verdict: 1 } }), /run\.interference/],
  [JSON.stringify({ ...sampleRun(), options: { a: {} } }), /run\.options\.a: no short text/],
  ['{', /JSON/],
])('%.60s is refused', async (json, text) => {
  const file = join(folder, 'bad.json');
  await writeFile(file, json);
  await expect(readSaved(file)).rejects.toMatchObject({
    code: 'RUN_UNREADABLE',
    message: expect.stringMatching(text),
  });
});
