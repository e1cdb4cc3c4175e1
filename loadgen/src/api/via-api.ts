/** Measurements through the OpenWhisk API, of a stack of our own or of one that runs. */

import { guest } from '@ebbwhisk/controller-adapter/auth/users.ts';
import { backgroundActions } from '../burst/background.ts';
import { type BurstMeasurement, measureBurst } from '../burst/measure.ts';
import { type MixedMeasurement, measureMixed } from '../mixed/measure.ts';
import type { LoadOptions } from '../options.ts';
import { burstLine, footprintLine } from '../report.ts';
import type { Measurement, RunOptions } from '../runner.ts';
import { ApiClient } from './client.ts';
import { measureApi } from './measure.ts';
import { type StackHandle, startStackProcess } from './stack.ts';

/** The stack gets room for as many VMs as are used at a time, and for those that are on their way out. */
const kSpareVms = 4;
/** What the stack takes as its memory. */
const kMostMemoryMb = 1_048_576;

export async function viaApi(
  options: LoadOptions,
  run: RunOptions,
): Promise<Measurement | MixedMeasurement | BurstMeasurement> {
  const stack = options.apihost === undefined ? await ownStack(options, run.signal) : undefined;
  const url = stack?.url ?? options.apihost ?? '';
  const auth = options.auth ?? `${guest.uuid}:${guest.key}`;
  const { mode, concurrency } = options;
  const client = new ApiClient(url, auth, concurrency);
  try {
    if (mode === 'mixed') return await mixed(options, run, client, stack);
    if (mode === 'burst') return await burst(options, run, url, auth);
    const { kind, memory: memoryMb } = options;
    const endVms = stack?.endVms;
    const how = mode === 'cold' || mode === 'warm' ? mode : 'hot';
    return await measureApi({ client, mode: how, kind, memoryMb, ...(endVms === undefined ? {} : { endVms }) }, run);
  } finally {
    await client.close();
    await stack?.close();
  }
}

function ownStack({ target, tender, pool, memory, stackMemory, ...rest }: LoadOptions, signal: AbortSignal) {
  if (target === 'docker') throw new Error('the local stack has no containers');
  const memoryMb = stackMemory ?? Math.min(kMostMemoryMb, Math.max(2048, memory * vmsAtATime(rest)));
  return startStackProcess({ target, tender, prepared: pool, memoryMb, signal });
}

function vmsAtATime({
  mode,
  concurrency,
  actions,
  burstSize,
}: Pick<LoadOptions, 'mode' | 'concurrency' | 'actions' | 'burstSize'>): number {
  if (mode === 'burst') return burstSize + backgroundActions + kSpareVms;
  return Math.max(concurrency + kSpareVms, mode === 'mixed' ? actions / 2 : 0);
}

function mixed(
  { kind, memory, actions, cpu }: LoadOptions,
  run: RunOptions,
  client: ApiClient,
  stack: StackHandle | undefined,
): Promise<MixedMeasurement> {
  const onFootprint = (footprint: Parameters<typeof footprintLine>[0]) =>
    void process.stderr.write(footprintLine(footprint));
  const settings = { client, kind, memoryMb: memory, actions, cpuPercent: cpu, pid: stack?.pid, onFootprint };
  return measureMixed(settings, run);
}

function burst(
  { kind, memory, apihost, background, burstSize, burstEvery, duration = 0 }: LoadOptions,
  { signal }: RunOptions,
  url: string,
  auth: string,
): Promise<BurstMeasurement> {
  return measureBurst({
    url,
    auth,
    kind,
    memoryMb: memory,
    size: burstSize,
    everyMs: burstEvery * 1000,
    durationMs: duration * 1000,
    backgroundPerSecond: background,
    cleanUp: apihost !== undefined,
    signal,
    onBurst: (each) => void process.stderr.write(burstLine(each)),
  });
}
