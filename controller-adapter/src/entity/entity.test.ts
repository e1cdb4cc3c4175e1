import { describe, expect, it } from 'vitest';
import { filterPath } from './activation.ts';
import { isBase64 } from './exec.ts';
import { isTruthy } from './parameters.ts';
import { decodeVersion, nextVersion } from './version.ts';

describe('base64', () => {
  it.each(['QUJD', 'QUI=', 'QQ==', ' UEsDBA==\n', 'ab+/'])('is %j', (text) => expect(isBase64(text)).toBe(true));
  it.each(['', ' ', 'QQ=', 'Q===', '=', '====', 'QQ==QQ==', 'a b ', 'function main() {}', 'QUJ\n', 'éééé', 'QU-_'])(
    'is not %j',
    (text) => expect(isBase64(text)).toBe(false),
  );

  it('is what the stock pattern takes', () => {
    const stock = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;
    const alphabet = ['A', 'z', '0', '+', '/', '=', '-', ' '];
    const words = (length: number): string[] =>
      length === 0 ? [''] : words(length - 1).flatMap((word) => alphabet.map((char) => word + char));
    for (const word of [...words(4), ...words(3)]) {
      const trimmed = word.trim();
      expect([word, isBase64(word)]).toEqual([word, trimmed.length % 4 === 0 && stock.test(trimmed)]);
    }
  });
});

it('versions are read leniently and counted up', () => {
  expect(['1', '1.2', '1.2.3', '1.2.3.4'].map(decodeVersion)).toEqual(['1.0.0', '1.2.0', '1.2.3', '1.2.3']);
  expect(['0.0.1', '1.9.9'].map(nextVersion)).toEqual(['0.0.2', '1.9.10']);
  for (const bad of ['', '.', '1.', '-1', '0.0', '1.2.x', '1e3', '99999999999']) {
    expect(() => decodeVersion(bad)).toThrow('semantic version malformed');
  }
});

it('annotations are truthy as in OpenWhisk', () => {
  const list = Object.entries({ t: true, f: false, zero: 0, one: 1, empty: '', text: 'false', nil: null, list: [] });
  const annotations = list.map(([key, value]) => ({ key, value }));
  const truthy = [...list.map(([key]) => key), 'absent'].filter((key) => isTruthy(annotations, key));
  expect(truthy).toEqual(['t', 'one', 'text', 'list']);
});

it('activations are filed under their own path, or that of the binding', () => {
  const file = (...annotations: [string, string][]) =>
    filterPath({ name: 'a', annotations: annotations.map(([key, value]) => ({ key, value })) });
  expect(file()).toBe('a');
  expect(file(['path', 'guest/a'])).toBe('a');
  expect(file(['path', 'other/pkg/a'])).toBe('pkg/a');
  expect(file(['path', 'other/pkg/a'], ['binding', 'guest/bound'])).toBe('bound/a');
});
