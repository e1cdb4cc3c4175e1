/** The figures themselves, and what they were measured on and with. */

import type { SavedRun } from '../saved/run.ts';
import { colourOf } from './chart.ts';
import { digits, duration, megabytes, times } from './format.ts';
import { type Markup, markup } from './markup.ts';
import type { Shown } from './runs.ts';

/** Below a chart: which colour is which. */
export function legend(shown: readonly Shown[]): Markup {
  return markup`<ul class="legend">${shown.map(({ name, index }) => markup`<li>${key(index)} ${name}</li>`)}</ul>
`;
}

function key(index: number): Markup {
  return markup`<span class="key ${colourOf(index)}">&#9632;</span>`;
}

export function figures(shown: readonly Shown[]): Markup {
  const base = shown.find(({ series }) => series.count > series.errors)?.series.latencyMs;
  const rows = shown.map(({ name, index, series: { count, errors, starts, latencyMs } }) => {
    const { p50, p90, p99, max } = latencyMs;
    const isEmpty = count === errors;
    const cells = [
      String(count),
      String(errors),
      ...[p50, p90, p99, max].map((each) => (isEmpty ? '-' : duration(each))),
      `${starts.cold} / ${starts.warm} / ${starts.hot}`,
      isEmpty || base === undefined ? '-' : times(p50, base.p50),
      isEmpty || base === undefined ? '-' : times(p99, base.p99),
    ];
    return markup`<tr><th scope="row">${key(index)} ${name}</th>${cells.map((each) => markup`<td>${each}</td>`)}</tr>
`;
  });
  const titles = [
    'n',
    'errors',
    'p50',
    'p90',
    'p99',
    'max',
    'cold / warm / hot',
    'p50, times first',
    'p99, times first',
  ];
  return markup`<div class="wide"><table><thead><tr><th></th>${titles.map((each) => markup`<th scope="col">${each}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>
`;
}

/** Of one run. */
export function facts(run: SavedRun): Markup {
  const { cpu, cores, memoryGb, kernel, node, virtual, load, time } = run.machine;
  const { interference, density } = run;
  const rows: (readonly [string, string])[] = [
    ['when', `${time}, load ${load}`],
    ['machine', `${cpu}, ${cores} cores, ${digits(memoryGb)} GB${virtual ? ', itself virtual' : ''}`],
    ['system', `Linux ${kernel}, Node ${node}`],
    [
      'options',
      Object.entries(run.options)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    ],
    ['rate', `${run.perSecond} per second`],
    ...(interference === null ? [] : interferenceRows(interference)),
    ...(density === null ? [] : densityRows(density)),
  ];
  return markup`<dl>${rows.map(
    ([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>
`,
  )}</dl>
`;
}

function interferenceRows(interference: NonNullable<SavedRun['interference']>): [string, string][] {
  const { inside, outside, ratio, allowed, verdict } = interference;
  const side = ({ count, p50, p99 }: typeof inside) => `${count}, p50 ${duration(p50)}, p99 ${duration(p99)}`;
  return [
    ['background in bursts', side(inside)],
    ['background outside', side(outside)],
    ['p99 ratio', ratio === null ? 'too few to compare' : `${ratio}x, ${verdict} (at most ${allowed}x)`],
  ];
}

function densityRows(density: NonNullable<SavedRun['density']>): [string, string][] {
  const { what, functions, memoryMb, memoryEachMb, noiseMb, diskMb, diskEachMb, ownEachMb, in20Gb } = density;
  const fits = (each: number | null) => (each === null ? 'cannot be told from the noise' : String(each));
  return [
    [what, `${functions} functions`],
    ['memory', `${megabytes(memoryMb)} by the fall of MemAvailable, ${megabytes(memoryEachMb)} each`],
    ['noise', `${megabytes(noiseMb)} came and went while nothing was done`],
    ...(ownEachMb === null ? [] : [['private', `${megabytes(ownEachMb)} each by /proc`] as [string, string]]),
    ['disk', diskMb === 0 ? 'nothing' : `${megabytes(diskMb)}, ${megabytes(diskEachMb)} each`],
    ['in 20 GB', `of memory ${fits(in20Gb.memory)}${diskMb === 0 ? '' : `, of disk ${fits(in20Gb.disk)}`}`],
  ];
}
