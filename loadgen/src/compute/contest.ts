/**
 * One row: its program in plain Node and in VMs, all on the same core, taking turns, so that whatever else the machine
 * does hits them alike.
 */

import { bind } from '../affinity.ts';
import type { Instance } from '../vm/invocations.ts';
import { type RowName, TimedFunction } from './rows.ts';

export interface Sample {
  /** By the program's own clock. */
  readonly ms: number;
  /** CPU time of all processes of the contestant, by the host's account. */
  readonly cpuMs: number;
}

export interface Contestant {
  readonly name: string;
  open(): Promise<Instance>;
}

export interface ContestOptions {
  readonly core: number;
  readonly warmUps: number;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** The samples of each contestant, in their order. Rejects when one fails or answers another checksum than the first. */
export async function contest(
  row: RowName,
  contestants: readonly Contestant[],
  { core, warmUps, rounds, signal }: ContestOptions,
): Promise<Sample[][]> {
  const opened: { name: string; instance: Instance; work: TimedFunction; samples: Sample[] }[] = [];
  let checksum: number | undefined;
  let name = '';
  try {
    for (const contestant of contestants) {
      name = contestant.name;
      const instance = await contestant.open();
      const work = new TimedFunction(row, () => checksum);
      opened.push({ name, instance, work, samples: [] });
      await bind((await instance.vm.stats()).pids, core);
      await instance.init(work);
    }
    for (let round = -warmUps; round < rounds; round += 1) {
      for (const { instance, work, samples, ...rest } of opened) {
        signal.throwIfAborted();
        name = rest.name;
        const before = await cpuMsOf(instance);
        await instance.run(work, round + warmUps);
        const spent = (await cpuMsOf(instance)) - before;
        if (work.timing === undefined) throw new Error('no timing');
        checksum ??= work.timing.checksum;
        if (round >= 0) samples.push({ ms: work.timing.ms, cpuMs: spent });
      }
    }
  } catch (error) {
    throw new Error(`${row}, ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await Promise.all(opened.map(({ instance }) => instance.end()));
  }
  return opened.map(({ samples }) => samples);
}

async function cpuMsOf({ vm }: Instance): Promise<number> {
  return (await vm.stats()).cpuMs;
}
