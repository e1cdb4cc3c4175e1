/** One self-contained page of saved results: nothing is loaded, nothing runs, and it is well-formed XML. */

import type { SavedRun } from '../saved/run.ts';
import { cdfChart } from './cdf.ts';
import { densityChart } from './density.ts';
import { type Markup, markup } from './markup.ts';
import { type Shown, shownOf } from './runs.ts';
import { style } from './style.ts';
import { facts, figures, legend } from './tables.ts';
import { timeline } from './timeline.ts';

export function page(runs: readonly SavedRun[]): string {
  const shown = shownOf(runs);
  const dense = shown.filter(({ run }) => run.density !== null);
  const sections = runs.map((run) => {
    const own = shown.filter((each) => each.run === run);
    return markup`<section><h2>${run.label}</h2>
${facts(run)}${withLegend(own, timeline(run, own))}</section>
`;
  });
  const { text } = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"/><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/><title>Ebbwhisk load generator: ${runs.length} runs</title>
<style>${style}</style></head><body>
<h1>Latencies of ${runs.length} runs</h1>
${isOneMachine(runs) ? nothing : otherMachines}${figures(shown)}
${titled('Distribution', withLegend(shown, cdfChart(shown)))}${titled('Density', withLegend(dense, densityChart(dense)))}${sections}
</body></html>
`;
  return text;
}

const nothing = markup``;
const otherMachines = markup`<p class="note">The runs are of different machines or systems: their figures do not compare.</p>
`;

function withLegend(shown: readonly Shown[], chart: Markup | undefined): Markup {
  return chart === undefined ? nothing : markup`${chart}${legend(shown)}`;
}

function titled(title: string, content: Markup): Markup {
  return content === nothing
    ? nothing
    : markup`<h2>${title}</h2>
${content}`;
}

function isOneMachine(runs: readonly SavedRun[]): boolean {
  const sorts = runs.map(({ machine: { cpu, cores, memoryGb, kernel } }) => [cpu, cores, memoryGb, kernel].join('\n'));
  return new Set(sorts).size <= 1;
}
