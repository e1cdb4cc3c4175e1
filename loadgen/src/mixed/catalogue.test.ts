/** Each action of the mixed load, run by plain Node: the checks accept what is right and nothing else. */

import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { catalogue } from './catalogue.ts';

const actions = catalogue(18, 'test');

test('every family once, the deadly ones last', () => {
  expect(new Set(actions.map(({ family }) => family)).size).toBe(18);
  expect(actions.slice(-2).map(({ family }) => family)).toEqual(['exiting', 'looping']);
  expect(new Set(catalogue(60, 'test').map(({ source }) => source)).size).toBeGreaterThan(40);
});

const answering = actions.filter(({ family }) => !['throwing', 'exiting', 'looping', 'refusal'].includes(family));

describe.each(answering)('$family', ({ family, source, argumentsOf, check }) => {
  test('accepts its own answer and no other', () => {
    const type = family === 'module' ? ['--input-type=module'] : [];
    const code = `${source}
      console.log = console.error = () => {};
      Promise.resolve(main(${JSON.stringify(argumentsOf(7))})).then((value) => process.stdout.write(JSON.stringify(value)));`;
    const { stdout, stderr } = spawnSync(process.execPath, [...type, '-e', code], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const result: unknown = JSON.parse(stdout);
    const answer = { id: 'x', start: 'hot' as const };
    const response = { success: true, status: 'success', result };
    expect(check(7, { ...answer, status: 200, response })).toBeUndefined();
    expect(check(8, { ...answer, status: 200, response })).toBeDefined();
    expect(check(7, { ...answer, status: 202, response })).toBeDefined();
    expect(check(7, { ...answer, status: 502, response: { ...response, success: false } })).toBeDefined();
  });
});
