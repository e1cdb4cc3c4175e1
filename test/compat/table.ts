/**
 * The corpus as a table: programs down, targets across. Usage:
 * `node test/compat/table.ts [--kind nodejs:22]... [--target 'kvm tender, bypass']... [--plain] [part of a program's name]...`
 * With --plain it prints what plain Node prints, for writing programs.
 */
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { kindNames } from '@ebbwhisk/libos-node';
import { libosTargets } from '../support/libos-targets.ts';
import { programs } from './corpus.ts';
import type { Outcome } from './program-host.ts';
import { libosHost, PlainNode } from './targets.ts';

const { values, positionals } = parseArgs({
  options: {
    kind: { type: 'string', multiple: true, default: [...kindNames] },
    target: { type: 'string', multiple: true, default: libosTargets.map(({ name }) => name) },
    plain: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

const chosen = programs(positionals);

function show(title: string, { stdout, stderr, ...rest }: Outcome): void {
  process.stdout.write(`--- ${title}\n${stdout}${stderr === '' ? '' : `[stderr] ${stderr}`}${JSON.stringify(rest)}\n`);
}

/** What lies between the lines that both begin and end with. */
function showDifference(title: string, is: Outcome, expected: Outcome): void {
  const [ours, plain] = [is, expected].map(({ stdout, stderr, ...rest }) => [
    ...stdout.split('\n'),
    ...stderr.split('\n'),
    JSON.stringify(rest),
  ]) as [string[], string[]];
  let start = 0;
  while (ours[start] === plain[start] && start < ours.length) start += 1;
  let end = 0;
  while (ours.at(-1 - end) === plain.at(-1 - end) && start + end < Math.min(ours.length, plain.length)) end += 1;
  const part = (name: string, lines: string[]): string =>
    lines
      .slice(start, lines.length - end)
      .map((line) => `  ${name}: ${line.slice(0, 300)}\n`)
      .join('');
  const context = start > 0 ? `         ${plain[start - 1]?.slice(0, 100)}\n` : '';
  process.stdout.write(`--- ${title}\n${context}${part('plain', plain)}${part('libos', ours)}`);
}

const columns: { readonly title: string; readonly same: ReadonlySet<string>; readonly duration: number }[] = [];
/** Of all targets together. */
const seconds = new Map<string, number>();
for (const kind of values.kind) {
  const plain = new PlainNode(kind);
  for (const program of chosen) {
    const outcome = await plain.outcome(program);
    if (values.plain) show(`${kind} ${program.name}`, outcome);
  }
  for (const target of values.plain ? [] : libosTargets) {
    if (!values.target.includes(target.name)) continue;
    if (target.unusable !== undefined) {
      process.stdout.write(`${target.name}: ${target.unusable}\n`);
      continue;
    }
    const title = `${kind}, ${target.name}`;
    const host = libosHost(kind, target);
    const same = new Set<string>();
    const started = performance.now();
    for (const program of chosen) {
      const expected = await plain.outcome(program);
      const begun = performance.now();
      const outcome = await host.run(program);
      seconds.set(program.name, (seconds.get(program.name) ?? 0) + (performance.now() - begun) / 1000);
      if (isDeepStrictEqual(outcome, expected)) same.add(program.name);
      else showDifference(`${title}: ${program.name}`, outcome, expected);
    }
    await host.end();
    columns.push({ title, same, duration: (performance.now() - started) / 1000 });
  }
  await plain.end();
}

if (columns.length > 0) {
  const width = Math.max(...chosen.map(({ name }) => name.length));
  const lines = chosen.map(
    ({ name }) =>
      `${name.padEnd(width)}  ${columns.map(({ same }) => (same.has(name) ? '=' : 'X').padEnd(3)).join('')}${(seconds.get(name) ?? 0).toFixed(2)} s`,
  );
  const header = columns.map((_, index) => String(index + 1).padEnd(3)).join('');
  process.stdout.write(`\n${''.padEnd(width)}  ${header}\n${lines.join('\n')}\n\n`);
  for (const [index, { title, same, duration }] of columns.entries()) {
    process.stdout.write(
      `${index + 1}: ${title}: ${same.size} of ${chosen.length} as plain Node, ${duration.toFixed(1)} s\n`,
    );
  }
  process.exitCode = columns.every(({ same }) => same.size === chosen.length) ? 0 : 1;
}
