/** The tables of `ps`, `top` and `reports`. Text of actions and their names never steers the terminal. */

import type { StoredReport } from '@ebbwhisk/libos-node/reports';
import type { VmRow } from './protocol.ts';

interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  readonly cell: (row: Row) => string;
}

const vmColumns: readonly Column<VmRow>[] = [
  { title: 'VM', cell: ({ id }) => id ?? '-' },
  { title: 'ACTION', cell: actionName },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'START', cell: ({ start }) => start ?? '-' },
  { title: 'FROM', cell: ({ origin }) => origin ?? '-' },
  { title: 'RUNS', right: true, cell: ({ served }) => String(served) },
  {
    title: 'MEMORY',
    right: true,
    cell: ({ memoryBytes, memoryLimitMb }) =>
      `${orDash(memoryBytes, (bytes) => (bytes / 1024 / 1024).toFixed(1))} / ${memoryLimitMb} MB`,
  },
  { title: 'CPU', right: true, cell: ({ cpuMs }) => orDash(cpuMs, (ms) => `${Math.round(ms)} ms`) },
  { title: 'EXITS', right: true, cell: ({ exits }) => orDash(exits, String) },
  { title: 'FAULTS', right: true, cell: ({ faults }) => orDash(faults, String) },
  { title: 'UPTIME', right: true, cell: ({ uptimeMs }) => orDash(uptimeMs, duration) },
  { title: 'PIDS', cell: ({ pids }) => (pids.length === 0 ? '-' : pids.join(',')) },
];

const reportColumns: readonly Column<StoredReport>[] = [
  { title: 'TIME', cell: ({ time }) => time },
  { title: 'VM', cell: ({ vm }) => vm },
  { title: 'CRASHED', cell: ({ culprit }) => culprit },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'TENDER', cell: ({ tender }) => tender.kind },
  { title: 'SIGNAL', cell: ({ signal }) => signal ?? '-' },
  { title: 'UPTIME', right: true, cell: ({ uptimeMs }) => duration(uptimeMs) },
  { title: 'REPORT', cell: ({ file }) => file },
];

/** Lines that each end; the first are the titles. */
export function vmTable(rows: readonly VmRow[]): string {
  return table(vmColumns, rows);
}

export function reportTable(reports: readonly StoredReport[]): string {
  return table(reportColumns, reports);
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => printable(cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((text, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.right === true ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '?');
}

/** An action of one namespace may run for another. */
function actionName({ namespace, action }: VmRow): string {
  return action.startsWith(`${namespace}/`) ? action : `${action} for ${namespace}`;
}

function orDash<T>(value: T | null, show: (value: T) => string): string {
  return value === null ? '-' : show(value);
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (value: number) => String(value).padStart(2, '0');
  return minutes < 60
    ? `${minutes}:${two(seconds % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
