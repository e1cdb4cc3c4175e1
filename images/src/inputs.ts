/**
 * Whether an image is still what its inputs would give: beside each image lies a list of the files it was made from, with
 * sizes and times of change. A look at them takes milliseconds, where building takes seconds.
 *
 * Invariant: in doubt (anything unreadable, new, gone or changed) an image is stale. Building once too often harms nobody.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from './image/write.ts';

interface FileState {
  readonly path: string;
  readonly size: number;
  readonly changed: number;
}

export interface InputRecord {
  /** What was asked for, as text. */
  readonly request: string;
  readonly image: FileState;
  readonly files: readonly FileState[];
}

/** A file that is not there has a state, too: whoever reads it says what is missing better than this does. */
function stateOf(path: string): FileState {
  const stat = statSync(path, { throwIfNoEntry: false });
  return { path, size: stat?.size ?? -1, changed: stat?.mtimeMs ?? -1 };
}

function same(a: FileState, b: FileState): boolean {
  return a.path === b.path && a.size === b.size && a.changed === b.changed;
}

export function recordPath(imagePath: string): string {
  return `${imagePath}.inputs.json`;
}

/** States of input files, sorted by path. Take them before the files are read: a change while building must show. */
export function statesOf(paths: Iterable<string>): FileState[] {
  return [...new Set(paths)].sort().map(stateOf);
}

export function writeRecord(imagePath: string, request: string, files: readonly FileState[]): void {
  const record: InputRecord = { request, image: stateOf(imagePath), files };
  writeAtomically(recordPath(imagePath), [Buffer.from(JSON.stringify(record))]);
}

function isState(value: unknown): value is FileState {
  if (typeof value !== 'object' || value === null) return false;
  const { path, size, changed } = value as Partial<Record<keyof FileState, unknown>>;
  return typeof path === 'string' && typeof size === 'number' && typeof changed === 'number';
}

/** `expected`: input files known without building, each of which must be in the record. */
export function isFresh(imagePath: string, request: string, expected: Iterable<string>): boolean {
  try {
    const record = JSON.parse(readFileSync(recordPath(imagePath), 'utf8')) as Partial<InputRecord>;
    if (record.request !== request || !isState(record.image) || !same(record.image, stateOf(imagePath))) return false;
    if (!Array.isArray(record.files) || !record.files.every(isState)) return false;
    const recorded = new Set(record.files.map((file) => file.path));
    for (const path of expected) if (!recorded.has(path)) return false;
    return record.files.every((file) => same(file, stateOf(file.path)));
  } catch {
    return false;
  }
}

/** The files of the builder itself: another builder, another image. */
export function builderFiles(folder: string): string[] {
  return readdirSync(join(folder, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .concat(join(folder, 'package.json'));
}
