/** Reading of the JSON that the tender sends: what does not fit is told as a failure of the tender, never thrown. */
import { parseAddress } from '../exposure.ts';
import type { ExitReport, ExposedPort } from '../vm.ts';

/** Optional: a number for people, which must not keep anybody from ending a VM. */
export interface TenderStats {
  readonly exits?: number;
  readonly faults?: number;
  readonly syscallsTrapped?: number;
  readonly syscalls?: number;
  readonly enters?: number;
  readonly exposed?: readonly ExposedPort[];
  /** The VM's processes, the tender first. */
  readonly pids?: readonly number[];
}

const reasons: ReadonlySet<string> = new Set([
  'ended',
  'exit',
  'abort',
  'fault',
  'memory',
  'tender',
] satisfies ExitReport['reason'][]);

function isReason(value: unknown): value is ExitReport['reason'] {
  return typeof value === 'string' && reasons.has(value);
}

function parseObject(payload: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

export function parseExitReport(payload: Buffer): ExitReport {
  const { reason, code, signal, detail } = parseObject(payload);
  if (!isReason(reason))
    return { reason: 'tender', detail: `unreadable exit report: ${payload.toString('utf8', 0, 200)}` };
  return {
    reason,
    ...(typeof code === 'number' ? { code } : {}),
    ...(typeof signal === 'string' ? { signal } : {}),
    ...(typeof detail === 'string' ? { detail } : {}),
  };
}

/** Whether the guest's process died without a last word, of a signal that the tender cannot explain. */
export function isGuestProcessDeath(payload: Buffer): boolean {
  return parseObject(payload)['process'] === 'guest';
}

/** How the broker of a clone ended, as its server tells it. */
export interface BrokerEnd {
  readonly pid?: number;
  readonly status?: number;
  readonly signal?: string;
  readonly stderr: string;
}

export function parseBrokerEnd(payload: Buffer): BrokerEnd {
  const { pid, status, signal, stderr } = parseObject(payload);
  return {
    ...(isCount(pid) ? { pid } : {}),
    ...(isCount(status) ? { status } : {}),
    ...(typeof signal === 'string' ? { signal } : {}),
    stderr: typeof stderr === 'string' ? stderr : '',
  };
}

export function parseTenderStats(payload: Buffer): TenderStats {
  const { exits, faults, exposed, pids, counters } = parseObject(payload);
  const { syscalls, syscallsTrapped, enters } = (typeof counters === 'object' ? (counters ?? {}) : {}) as Record<
    string,
    unknown
  >;
  return {
    ...(isCount(exits) ? { exits } : {}),
    ...(isCount(faults) ? { faults } : {}),
    ...(isCount(syscallsTrapped) ? { syscallsTrapped } : {}),
    ...(isCount(syscalls) ? { syscalls } : {}),
    ...(isCount(enters) ? { enters } : {}),
    ...(Array.isArray(pids) && pids.every(isCount) ? { pids } : {}),
    ...(Array.isArray(exposed) ? { exposed: exposed.flatMap(parseExposed) } : {}),
  };
}

function parseExposed(value: unknown): ExposedPort[] {
  if (typeof value !== 'object' || value === null || !('guestPort' in value) || !('host' in value)) return [];
  const address = typeof value.host === 'string' ? parseAddress(value.host) : undefined;
  return address !== undefined && isCount(value.guestPort) ? [{ ...address, guestPort: value.guestPort }] : [];
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
