/** One self-contained page of saved results: nothing is loaded, nothing runs, and it is well-formed XML. */

import type { SavedRun } from '../saved/run.ts';
import { cdfChart } from './cdf.ts';
import { densityChart } from './density.ts';
import { type Markup, markup } from './markup.ts';
import { shownOf } from './runs.ts';
import { style } from './style.ts';
import { facts, figures } from './tables.ts';
import { timeline } from './timeline.ts';

export function page(runs: readonly SavedRun[]): string {
  const shown = shownOf(runs);
  const sections = runs.map((run) => {
    const chart = timeline(
      run,
      shown.filter((each) => each.run === run),
    );
    return markup`<section><h2>${run.label}</h2>
${facts(run)}${chart ?? nothing}</section>
`;
  });
  const { text } = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"/><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/><title>Ebbwhisk load generator: ${runs.length} runs</title>
<style>${style}</style></head><body>
<h1>Latencies of ${runs.length} runs</h1>
${isOneMachine(runs) ? nothing : otherMachines}${figures(shown)}
${titled('Distribution', cdfChart(shown))}${titled('Density', densityChart(shown))}${sections}
</body></html>
`;
  return text;
}

const nothing = markup``;
const otherMachines = markup`<p class="note">The runs are of different machines or systems: their figures do not compare.</p>
`;

function titled(title: string, chart: Markup | undefined): Markup {
  return chart === undefined
    ? nothing
    : markup`<h2>${title}</h2>
${chart}`;
}

function isOneMachine(runs: readonly SavedRun[]): boolean {
  const sorts = runs.map(({ machine: { cpu, cores, memoryGb, kernel } }) => [cpu, cores, memoryGb, kernel].join('\n'));
  return new Set(sorts).size <= 1;
}
