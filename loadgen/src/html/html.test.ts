import { describe, expect, test } from 'vitest';
import type { SavedRun } from '../saved/run.ts';
import { sampleRun } from '../testing/saved-run.ts';
import { elementsOf } from '../testing/well-formed.ts';
import { cumulated } from './cdf.ts';
import { duration } from './format.ts';
import { escaped, markup } from './markup.ts';
import { page } from './page.ts';
import { linear, logarithmic } from './scale.ts';

describe('markup', () => {
  test('whatever is put in is escaped, but markup', () => {
    const evil = `<b a="1" b='2'>&\u0000\u001b\ud800`;
    expect(escaped(evil)).toBe('&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;\ufffd\ufffd\ufffd');
    expect(markup`<i t="${evil}">${markup`<b/>`}${[markup`1`, markup`2`]}</i>`.text).toBe(
      `<i t="${escaped(evil)}"><b/>12</i>`,
    );
  });
});

describe('scales', () => {
  test.each([
    [0.2, 900],
    [1, 1],
    [0.0001, 3_600_000],
    [3, 4],
  ])('logarithmic from %d to %d: both within, ticks ascending', (min, max) => {
    const { ticks, at } = logarithmic(min, max);
    expect(at(min)).toBeGreaterThanOrEqual(0);
    expect(at(max)).toBeLessThanOrEqual(1);
    expect(at(max)).toBeGreaterThanOrEqual(at(min));
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThan(16);
    expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
  });

  test('linear', () => {
    const { ticks, at } = linear(60);
    expect(ticks).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect([at(-1), at(30), at(99)]).toEqual([0, 0.5, 1]);
    expect(linear(8, -2).ticks).toEqual([-2, 0, 2, 4, 6, 8]);
    expect(linear(0).ticks.length).toBeGreaterThan(0);
  });
});

test('a distribution rises from nothing to all', () => {
  expect(cumulated([[100, 3], [0, 1]]).map(([, share]) => share)).toEqual([0, 25, 100]); // biome-ignore format: one line
});

describe('the page', () => {
  const slow = sampleRun({ label: 'slow' });
  const runs = [sampleRun(), { ...slow, series: slow.series.map((each) => ({ ...each, latencyMs: { p50: 25, p90: 50, p99: 99, max: 100 } })) }]; // biome-ignore format: one line

  test('is well-formed, loads and runs nothing, and has the figures', () => {
    const text = page(runs);
    const elements = elementsOf(text);
    expect(elements.map(({ name }) => name)).not.toContain('script');
    expect(elements.filter(({ attributes }) => /\b(?:href|src|on\w+|style)=/.test(attributes))).toEqual([]);
    expect(text.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import/);
    // Distribution, density, and a timeline for each run, each with its legend.
    expect(elements.filter(({ attributes }) => attributes.includes('class="legend"'))).toHaveLength(4);
    expect(elements.filter(({ name }) => name === 'svg')).toHaveLength(4);
    expect(elements.filter(({ attributes }) => attributes.includes('class="band"'))).toHaveLength(2);
    const { p50, p99 } = runs[0]?.series[0]?.latencyMs ?? { p50: 0, p99: 0 };
    for (const figure of [duration(p50), duration(p99), '25 ms', '99 ms', '1 / 0 / 99', '1.00x']) {
      expect(text).toContain(`<td>${figure}</td>`);
    }
    expect(text).toContain(`<td>${(25 / p50).toFixed(2)}x</td>`);
    expect(text).toContain('3x, kept (at most 5x)');
    expect(text).toContain('24 MB, 1.2 MB each');
    expect(text).not.toContain('different machines');
  });

  test('tells that figures of different machines do not compare', () => {
    const { machine } = sampleRun();
    expect(page([sampleRun(), sampleRun({ machine: { ...machine, cores: 64 } })])).toContain('different machines');
  });

  test('hostile names stay text', () => {
    const evil = `</title></style><script>alert(1)</script><img src=x onerror="alert(2)"> & ' \u0007`;
    const { machine, series } = sampleRun();
    const hostile: SavedRun = sampleRun({
      label: evil,
      machine: { ...machine, cpu: evil, kernel: evil, node: evil, time: evil },
      options: { [evil]: evil },
      series: series.map((each) => ({ ...each, name: evil })),
    });
    const text = page([hostile, hostile]);
    const names = new Set(elementsOf(text).map(({ name }) => name));
    expect(names).not.toContain('script');
    expect(names).not.toContain('img');
    expect(text.match(/&lt;script&gt;/g)?.length).toBeGreaterThanOrEqual(10);
  });

  test('a run without any sample has a row, and no chart', () => {
    const empty = { ...sampleRun().series[0], count: 1, errors: 1, histogram: [], points: [] };
    const run = { ...sampleRun(), series: [empty as SavedRun['series'][number]], density: null };
    const elements = elementsOf(page([run]));
    expect(elements.filter(({ name }) => name === 'svg')).toEqual([]);
    expect(elements.filter(({ name }) => name === 'tr')).toHaveLength(2);
  });
});

describe('the check itself', () => {
  test.each(['<a><b></a></b>', '<a>&x</a>', '<a b=1/>', '<a', '<a b="1" b="2"/>', '<a/>text', '<a>'])(
    '%s is not well-formed',
    (text) => {
      expect(() => elementsOf(text)).toThrow();
    },
  );
});
