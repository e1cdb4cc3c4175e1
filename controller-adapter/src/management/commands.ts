/**
 * `ps`, `top`, `logs` and `kill` on a management client, and `reports` on files. stdout carries the result alone, stderr what is for people.
 * The exit status is 0, 2 when no stack runs or a VM is not there, 1 for everything else.
 */

import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine } from '@ebbwhisk/invoker/container/recent-logs.ts';
import { reportsFolder } from '@ebbwhisk/libos-node/paths';
import { readReports } from '@ebbwhisk/libos-node/reports';
import { ManagementError } from '../errors.ts';
import { ManagementClient } from './client.ts';
import { CommandLineExit, type ManagementCommand, parseOptions } from './options.ts';
import { reportsPath } from './protocol.ts';
import { printable, reportTable, vmTable } from './table.ts';

export interface Terminal {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream;
  /** Ctrl-C: the command ends in order. */
  readonly signal: AbortSignal;
}

const kRefreshMs = 1_000;
/** Cursor home, and erase to the end: the table stays in place and does not flicker. */
const kClear = '\u001b[H\u001b[J';

/** Resolves with the exit status. */
export async function runManagement(argv: readonly string[], terminal: Terminal): Promise<number> {
  let command: ManagementCommand;
  try {
    command = parseOptions(argv, terminal);
  } catch (error) {
    if (error instanceof CommandLineExit) return error.exitCode;
    throw error;
  }
  const client = new ManagementClient(command.dataDir, terminal.signal);
  try {
    switch (command.name) {
      case 'ps': {
        const rows = await client.vms();
        terminal.stdout.write(command.json ? `${JSON.stringify(rows)}\n` : vmTable(rows));
        return 0;
      }
      case 'top':
        return await top(client, command, terminal);
      case 'logs':
        return await logs(client, command, terminal);
      case 'reports':
        return await reports(command, terminal);
      case 'kill':
        return await kill(client, command.vms, terminal);
    }
  } catch (error) {
    if (terminal.signal.aborted) return 0;
    return complain(error, terminal);
  }
}

type Options<Name> = Extract<ManagementCommand, { name: Name }>;

async function top(client: ManagementClient, { json, count }: Options<'top'>, terminal: Terminal): Promise<number> {
  const { stdout, signal } = terminal;
  for (let shown = 0; shown < count; shown += 1) {
    if (shown > 0) await sleep(kRefreshMs, undefined, { signal });
    const rows = await client.vms();
    if (json) stdout.write(`${JSON.stringify(rows)}\n`);
    else stdout.write(stdout.isTTY === true ? `${kClear}${vmTable(rows)}` : `${shown > 0 ? '\n' : ''}${vmTable(rows)}`);
  }
  return 0;
}

async function logs(client: ManagementClient, options: Options<'logs'>, terminal: Terminal): Promise<number> {
  const { vm, follow, json } = options;
  if (follow) {
    if (vm === undefined) await followAll(client, terminal);
    else for await (const line of client.logs(vm, true)) print(line, undefined, terminal);
    return 0;
  }
  const lines: { vm: string; line: LogLine }[] = [];
  for (const id of vm === undefined ? await idsOf(client) : [vm]) {
    try {
      for await (const line of client.logs(id, false)) lines.push({ vm: id, line });
    } catch (error) {
      // Of the listed ones, any may be gone by now.
      if (vm !== undefined || !isUnknown(error)) throw error;
    }
  }
  if (vm === undefined) lines.sort((a, b) => a.line.time - b.line.time);
  if (json) terminal.stdout.write(`${JSON.stringify(lines.map((entry) => ({ vm: entry.vm, ...entry.line })))}\n`);
  else for (const entry of lines) print(entry.line, vm === undefined ? entry.vm : undefined, terminal);
  return 0;
}

/** Also of VMs that come later; until Ctrl-C, or the end of the stack. */
async function followAll(client: ManagementClient, terminal: Terminal): Promise<void> {
  const followed = new Set<string>();
  const follow = async (id: string) => {
    try {
      for await (const line of client.logs(id, true)) print(line, id, terminal);
    } catch {
      // Why, the next look at the list tells.
    }
  };
  for (;;) {
    for (const id of await idsOf(client)) {
      if (followed.has(id)) continue;
      followed.add(id);
      void follow(id);
    }
    await sleep(kRefreshMs, undefined, { signal: terminal.signal });
  }
}

async function kill(client: ManagementClient, ids: readonly string[], terminal: Terminal): Promise<number> {
  let status = 0;
  for (const id of ids) {
    try {
      const { reason } = await client.kill(id);
      terminal.stdout.write(`${printable(id)} ${reason}\n`);
    } catch (error) {
      // One that is not there must not keep the others alive.
      if (!isUnknown(error)) throw error;
      status = complain(error, terminal);
    }
  }
  return status;
}

/** Of the stack on the folder, whether it runs or not, and of VMs that ran without one. */
async function reports({ dataDir, json }: Options<'reports'>, { stdout }: Terminal): Promise<number> {
  const folders = new Set([reportsPath(resolve(dataDir)), reportsFolder]);
  const found = (await Promise.all([...folders].map(readReports))).flat();
  found.sort((a, b) => a.time.localeCompare(b.time));
  stdout.write(json ? `${JSON.stringify(found)}\n` : reportTable(found));
  return 0;
}

async function idsOf(client: ManagementClient): Promise<string[]> {
  return (await client.vms()).flatMap(({ id }) => (id === null ? [] : [id]));
}

function print({ time, stream, text }: LogLine, vm: string | undefined, { stdout }: Terminal): void {
  const from = vm === undefined ? '' : `${printable(vm)} `;
  stdout.write(`${from}${new Date(time).toISOString()} ${stream}: ${printable(text)}\n`);
}

function isUnknown(error: unknown): error is ManagementError {
  return error instanceof ManagementError && error.code === 'VM_UNKNOWN';
}

function complain(error: unknown, { stderr }: Terminal): number {
  if (!(error instanceof ManagementError)) throw error;
  stderr.write(`${error.code}: ${printable(error.message)}\n`);
  return error.code === 'VM_UNKNOWN' || error.code === 'STACK_MISSING' ? 2 : 1;
}
