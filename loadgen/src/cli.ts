/** `npm run loadgen`. stdout carries the result alone, stderr progress and errors. Exit status: 0, 1 when something failed, 2 for a bad command line. */

import { guest } from '@ebbwhisk/controller-adapter/auth/users.ts';
import { ApiClient } from './api/client.ts';
import { measureApi } from './api/measure.ts';
import { startStackProcess } from './api/stack.ts';
import { errorText } from './errors.ts';
import { growth } from './mixed/footprint.ts';
import { type MixedMeasurement, measureMixed } from './mixed/measure.ts';
import { CommandLineExit, type LoadOptions, parseOptions } from './options.ts';
import { footprintLine, jsonLine, mixedTable, table } from './report.ts';
import type { Measurement, RunOptions } from './runner.ts';
import { abortOnSignals } from './signals.ts';
import { bootOf } from './vm/boots.ts';
import { measureCold } from './vm/cold.ts';
import { measureHot } from './vm/hot.ts';
import { measureWarm } from './vm/warm.ts';

/** The stack gets room for as many VMs as are used at a time, and for those that are on their way out. */
const kSpareVms = 4;

async function main(argv: readonly string[]): Promise<number> {
  let options: LoadOptions;
  try {
    options = parseOptions(argv);
  } catch (error) {
    if (error instanceof CommandLineExit) return error.exitCode;
    throw error;
  }
  const { mode, via, count, duration, concurrency } = options;
  const run: RunOptions = {
    count,
    ...(duration === undefined ? {} : { durationMs: duration * 1000 }),
    concurrency,
    signal: abortOnSignals(),
    // The mixed load tells its footprints instead.
    ...(mode === 'mixed'
      ? {}
      : { onProgress: (done, errors) => process.stderr.write(`${done} of ${count}, ${errors} errors\n`) }),
  };
  try {
    const measurement: Measurement | MixedMeasurement =
      via === 'vm' ? await viaVm(options, run) : await viaApi(options, run);
    for (const text of measurement.errorTexts) process.stderr.write(`error: ${text}\n`);
    process.stdout.write(options.json ? `${jsonLine(options, measurement)}\n` : table(options, measurement));
    let failed = measurement.errors > 0;
    if (isMixed(measurement)) {
      (options.json ? process.stderr : process.stdout).write(mixedTable(measurement));
      failed ||= growth(measurement.footprints).some(({ grew }) => grew);
    }
    return failed ? 1 : 0;
  } catch (error) {
    process.stderr.write(`error: ${errorText(error)}\n`);
    return 1;
  }
}

async function viaVm(options: LoadOptions, run: RunOptions): Promise<Measurement> {
  const { target, tender, profile, kind, memory, mode, pool } = options;
  const vm = { kind, tender, memoryMb: memory, ...(profile === undefined ? {} : { profile }) };
  if (mode === 'hot' || mode === 'mixed') return measureHot({ boot: await bootOf(target), options: vm }, run);
  if (target === 'process' || !options.template) {
    return measureCold({ boot: await bootOf(target), options: vm }, run, pool);
  }
  const { Templates } = await import('@ebbwhisk/libos-node');
  const templates = new Templates();
  try {
    await templates.prepare(vm);
    const settings = { boot: templates.clone, clone: templates.clone, options: vm };
    return await (mode === 'warm' ? measureWarm : measureCold)(settings, run, pool);
  } finally {
    await templates.close();
  }
}

async function viaApi(options: LoadOptions, run: RunOptions): Promise<Measurement | MixedMeasurement> {
  const { target, tender, kind, memory, mode, concurrency, actions, cpu } = options;
  const stack =
    options.apihost === undefined
      ? await startStackProcess({
          target,
          tender,
          prepared: options.pool,
          memoryMb: Math.max(2048, memory * Math.max(concurrency + kSpareVms, mode === 'mixed' ? actions / 2 : 0)),
          signal: run.signal,
        })
      : undefined;
  const url = stack?.url ?? options.apihost ?? '';
  const client = new ApiClient(url, options.auth ?? `${guest.uuid}:${guest.key}`, concurrency);
  try {
    if (mode !== 'mixed') {
      const endVms = stack?.endVms;
      return await measureApi(
        { client, mode, kind, memoryMb: memory, ...(endVms === undefined ? {} : { endVms }) },
        run,
      );
    }
    const onFootprint = (footprint: Parameters<typeof footprintLine>[0]) =>
      void process.stderr.write(footprintLine(footprint));
    const settings = { client, kind, memoryMb: memory, actions, cpuPercent: cpu, pid: stack?.pid, onFootprint };
    return await measureMixed(settings, run);
  } finally {
    await client.close();
    await stack?.close();
  }
}

function isMixed(measurement: Measurement | MixedMeasurement): measurement is MixedMeasurement {
  return 'footprints' in measurement;
}

process.exitCode = await main(process.argv.slice(2));
