/**
 * Reports of VMs that crashed, one JSON file each, for whoever has to find out why.
 *
 * Invariants: a file is whole (written beside, then renamed), 0600 in a folder of 0700, at most maxBytes; of each kind of culprit the newest
 * maxReports are kept, so that guests, which can crash at will, do not drive out the reports of tenders. No environment,
 * no parameters, no output of the guest. Reading treats what it finds as data that may be damaged.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExitReport } from '../vm.ts';
import type { TenderEnd } from './tender-process.ts';

/** Who crashed: the tender (its vCPU thread or broker), or what it confines. */
export type Culprit = 'tender' | 'guest';

export interface CrashReport {
  readonly version: 1;
  /** ISO 8601. */
  readonly time: string;
  readonly vm: string;
  readonly culprit: Culprit;
  readonly kind: string;
  readonly profile: string;
  readonly tender: {
    /** As asked for; `crash.tender` says what it was. */
    readonly kind: string;
    readonly pid: number | null;
    readonly path: string;
  };
  readonly image: { readonly path: string; readonly sha256: string | null };
  readonly uptimeMs: number;
  /** Whether its guest had listened. */
  readonly ready: boolean;
  readonly exit: ExitReport;
  /** Of the tender's process. */
  readonly status: number | null;
  readonly signal: string | null;
  /** The tender's own dump (tender/crash_dump.h), when it could make one. */
  readonly crash: Readonly<Record<string, unknown>> | null;
}

export interface StoredReport extends CrashReport {
  readonly file: string;
}

export const maxReports = 50;
export const maxBytes = 16 * 1024;
const maxDetail = 4096;

const namePattern = /^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z)-(tender|guest)-[\w.-]+\.json$/;

/** The dump in the tender's last words; the rest of them. */
export function splitCrash(stderr: string): { readonly crash: CrashReport['crash']; readonly rest: string } {
  const lines = stderr.split('\n');
  const prefix = 'ebbtender crash ';
  const line = lines.find((text) => text.startsWith(prefix));
  if (line === undefined) return { crash: null, rest: stderr };
  const rest = lines.filter((text) => text !== line).join('\n');
  try {
    const crash: unknown = JSON.parse(line.slice(prefix.length));
    if (typeof crash === 'object' && crash !== null && !Array.isArray(crash)) return { crash: { ...crash }, rest };
  } catch {
    // Cut off.
  }
  return { crash: null, rest: stderr };
}

/** The signal that ended a tender: its own word, for it cannot send itself those that others sent it; else the kernel's. */
export function signalOf(crash: CrashReport['crash'], { signal }: Pick<TenderEnd, 'signal'>): string | undefined {
  const own = crash?.['signal'];
  return typeof own === 'string' ? own : signal;
}

/** Checksum in the header of an image (struct ebb_image_header of abi/ebb_abi.h). */
export async function imageChecksum(path: string): Promise<string | null> {
  const offset = 96;
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(32), 0, 32, offset);
      return bytesRead === 32 ? buffer.toString('hex') : null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** Path of the new file; undefined when it could not be written, which must not keep anybody from anything. */
export async function writeReport(folder: string, report: CrashReport): Promise<string | undefined> {
  const { time, culprit, vm } = report;
  const name = `${time.replaceAll(':', '-')}-${culprit}-${vm}-${report.tender.pid ?? 0}.json`;
  const path = join(folder, name);
  const draft = join(folder, `.${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(draft, textOf(report), { mode: 0o600, flag: 'wx' });
    await rename(draft, path);
    await prune(folder, culprit);
    return path;
  } catch {
    await rm(draft, { force: true }).catch(() => {});
    return undefined;
  }
}

function textOf(report: CrashReport): string {
  const { exit } = report;
  const detail = exit.detail?.slice(0, maxDetail);
  const bounded = { ...report, exit: { ...exit, ...(detail === undefined ? {} : { detail }) } };
  const text = `${JSON.stringify(bounded, undefined, 2)}\n`;
  if (Buffer.byteLength(text) <= maxBytes) return text;
  return `${JSON.stringify({ ...bounded, crash: null, exit: { reason: exit.reason } }, undefined, 2)}\n`;
}

async function prune(folder: string, culprit: Culprit): Promise<void> {
  // Names begin with the time, so the oldest come first.
  const names = (await readdir(folder)).filter((name) => namePattern.exec(name)?.[2] === culprit).sort();
  const old = names.slice(0, Math.max(0, names.length - maxReports));
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
}

/** The newest last; what is no report is left out. */
export async function readReports(folder: string): Promise<StoredReport[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => namePattern.test(name)).sort();
  const reports = await Promise.all(names.map((name) => readReport(join(folder, name))));
  return reports.filter((report) => report !== undefined);
}

async function readReport(file: string): Promise<StoredReport | undefined> {
  try {
    if ((await stat(file)).size > maxBytes) return undefined;
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isReport(value) ? { ...value, file } : undefined;
  } catch {
    return undefined;
  }
}

function isReport(value: unknown): value is CrashReport {
  if (typeof value !== 'object' || value === null) return false;
  const { version, time, vm, culprit, kind, exit, uptimeMs, tender } = value as Partial<CrashReport>;
  return (
    version === 1 &&
    [time, vm, culprit, kind, exit?.reason, tender?.kind].every((text) => typeof text === 'string') &&
    typeof uptimeMs === 'number'
  );
}
