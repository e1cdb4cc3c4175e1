/**
 * The table of all functions in docs/libuv.md, made from functions.inc. `node libuv-ebb/functions.ts` writes it there; a test holds that it
 * is up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const source = join(import.meta.dirname, 'functions.inc');
const document = join(import.meta.dirname, '../docs/libuv.md');
const heading = '## All functions\n';

export interface Group {
  readonly title: string;
  readonly functions: readonly { readonly name: string; readonly how: string }[];
}

const columns = ['Ebb', 'Libc', 'Pure', 'Absent', 'Own'] as const;

export function groups(): Group[] {
  const found: { title: string; functions: { name: string; how: string }[] }[] = [];
  for (const line of readFileSync(source, 'utf8').split('\n')) {
    const title = /^EBB_UV_GROUP\("(.*)"\)$/.exec(line)?.[1];
    if (title !== undefined) found.push({ title, functions: [] });
    const [, name, how] = /^EBB_UV\((\w+), (\w+)\)$/.exec(line) ?? [];
    if (name !== undefined && how !== undefined) found.at(-1)?.functions.push({ name, how });
  }
  return found;
}

/** Names without their prefix; every one of them is in the hosted build, too. */
function table(): string {
  const counts = columns.map(
    (how) => groups().flatMap(({ functions }) => functions.filter((one) => one.how === how)).length,
  );
  const cell = ({ functions }: Group, how: string): string =>
    functions
      .filter((one) => one.how === how)
      .map(({ name }) => name.slice('uv_'.length))
      .join(' ');
  const rows = groups().map((group) => [group.title, ...columns.map((how) => cell(group, how))]);
  const head = ['', ...columns.map((how, index) => `${how} (${counts[index]})`)];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
}

export function withTable(text: string): string {
  const at = text.indexOf(heading);
  if (at < 0) throw new Error(`${document} has no "${heading.trim()}"`);
  const intro = text.indexOf('\n|', at);
  return `${text.slice(0, intro + 1)}${table()}`;
}

export function documentText(): string {
  return readFileSync(document, 'utf8');
}

if (import.meta.main) writeFileSync(document, withTable(documentText()));
