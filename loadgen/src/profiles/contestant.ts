/** One way to run the program: plain Node, or a VM of one tender and profile; and one round of measuring it. */
import type { BootVm, Profile, TenderKind } from '@ebbwhisk/libos-node';
import { Instance } from '../vm/invocations.ts';
import { HttpLoad } from './http-load.ts';
import { echo, helloPort, init, startServer, turnsPerSecond } from './program.ts';

export interface Way {
  readonly name: string;
  readonly boot: BootVm;
  readonly kind: string;
  readonly memoryMb: number;
  readonly tender?: TenderKind;
  readonly profile?: Profile;
}

/** Of one round. Times in milliseconds. */
export interface Figures {
  readonly startMs: number;
  readonly hotMs: number;
  readonly turns: number;
  readonly oneMs: number;
  readonly one: number;
  readonly sixteenMs: number;
  readonly sixteen: number;
  /** Per hot invocation, and per request at one and at sixteen connections; absent on plain Node. */
  readonly exitsHot?: number;
  readonly exitsOne?: number;
  readonly exitsSixteen?: number;
  /** System calls of the program per request at one connection, trapped or not. */
  readonly syscallsOne?: number;
  /** All of a round's hot invocations together. */
  readonly trapsHot?: number;
}

interface Cost {
  readonly exits: number;
  readonly syscalls: number;
  readonly traps: number;
}

const warmUps = 300;
const invocations = 300;

export class Contestant {
  readonly name: string;
  readonly #way: Way;
  readonly #instance: Instance;
  readonly #loads: readonly [one: HttpLoad, sixteen: HttpLoad];

  private constructor(way: Way, instance: Instance, loads: readonly [HttpLoad, HttpLoad]) {
    this.name = way.name;
    this.#way = way;
    this.#instance = instance;
    this.#loads = loads;
  }

  static async open(way: Way, signal: AbortSignal): Promise<Contestant> {
    const instance = await start(way, signal, way.tender !== undefined);
    try {
      for (let n = 0; n < warmUps; n += 1) await echo(instance, n);
      await turnsPerSecond(instance, 200);
      const inside = await startServer(instance, way.tender === undefined ? 0 : helloPort);
      const port = instance.vm.exposed?.[0]?.port ?? inside;
      const one = await HttpLoad.open(port, 1);
      const sixteen = await HttpLoad.open(port, 16);
      await one.run(300);
      await sixteen.run(500);
      return new Contestant(way, instance, [one, sixteen]);
    } catch (error) {
      await instance.end();
      throw error;
    }
  }

  async round(ms: number, signal: AbortSignal): Promise<Figures> {
    const from = performance.now();
    const fresh = await start(this.#way, signal, false);
    const startMs = performance.now() - from;
    await fresh.end();

    const instance = this.#instance;
    const hot: number[] = [];
    const hotCost = await this.#cost(async () => {
      for (let n = 0; n < invocations; n += 1) {
        const begun = performance.now();
        await echo(instance, n);
        hot.push(performance.now() - begun);
      }
      return invocations;
    });
    const turns = await turnsPerSecond(instance, ms);
    const [oneLoad, sixteenLoad] = this.#loads;
    let [one, sixteen] = [await oneLoad.run(50), await sixteenLoad.run(50)];
    const oneCost = await this.#cost(async () => {
      one = await oneLoad.run(ms);
      return one.requests;
    });
    const sixteenCost = await this.#cost(async () => {
      sixteen = await sixteenLoad.run(ms);
      return sixteen.requests;
    });
    return {
      startMs,
      hotMs: hot.sort((a, b) => a - b)[hot.length >> 1] as number,
      turns,
      oneMs: one.p50,
      one: one.perSecond,
      sixteenMs: sixteen.p50,
      sixteen: sixteen.perSecond,
      ...(hotCost === undefined ? {} : { exitsHot: hotCost.exits, trapsHot: hotCost.traps }),
      ...(oneCost === undefined ? {} : { exitsOne: oneCost.exits, syscallsOne: oneCost.syscalls }),
      ...(sixteenCost === undefined ? {} : { exitsSixteen: sixteenCost.exits }),
    };
  }

  async close(): Promise<void> {
    for (const load of this.#loads) load.close();
    await this.#instance.end();
  }

  /** Exits per unit of the work, and its traps. */
  async #cost(work: () => Promise<number>): Promise<Cost | undefined> {
    const before = await this.#instance.vm.stats();
    const units = await work();
    const after = await this.#instance.vm.stats();
    if (after.enters === undefined || before.enters === undefined) return undefined;
    return {
      exits: (after.enters - before.enters) / units,
      syscalls: ((after.syscalls ?? 0) - (before.syscalls ?? 0)) / units,
      traps: (after.syscallsTrapped ?? 0) - (before.syscallsTrapped ?? 0),
    };
  }
}

async function start({ boot, ...way }: Way, signal: AbortSignal, exposed: boolean): Promise<Instance> {
  const { kind, memoryMb, tender, profile } = way;
  const expose = exposed ? { expose: [{ guestPort: helloPort, host: '127.0.0.1', port: 0 }] } : {};
  const vm = await boot({
    kind,
    memoryMb,
    ...(tender === undefined ? {} : { tender }),
    ...(profile === undefined ? {} : { profile }),
    ...expose,
    signal,
  });
  const instance = new Instance(vm);
  await init(instance);
  return instance;
}
