import { afterEach, expect, test } from 'vitest';
import { PreparedVms, type PreparedVmsOptions } from './prepared-vms.ts';
import type { CloneOptions, ExitReport, Vm } from './vm.ts';

class FakeVm {
  readonly #end = Promise.withResolvers<ExitReport>();
  readonly exited = this.#end.promise;
  ended = false;
  readonly options: CloneOptions;
  constructor(options: CloneOptions) {
    this.options = options;
  }
  end(): Promise<ExitReport> {
    this.ended = true;
    this.#end.resolve({ reason: 'ended' });
    return this.exited;
  }
}

let vms: FakeVm[] = [];
let reservedMb = 0;
let time = 0;
let prepared: PreparedVms | undefined;
const small: CloneOptions = { kind: 'nodejs:24', memoryMb: 128 };
const large: CloneOptions = { kind: 'nodejs:24', memoryMb: 256 };

function create(options: Partial<PreparedVmsOptions> = {}): PreparedVms {
  vms = [];
  reservedMb = 0;
  time = 0;
  prepared = new PreparedVms({
    size: 4,
    make: async (each) => {
      const vm = new FakeVm(each);
      vms.push(vm);
      return vm as unknown as Vm;
    },
    reserve: (memoryMb) => {
      reservedMb += memoryMb;
      return true;
    },
    release: (memoryMb) => {
      reservedMb -= memoryMb;
    },
    now: () => time,
    ...options,
  });
  return prepared;
}

/** Making goes on one by one, each a turn of the loop apart. */
async function settled(): Promise<void> {
  for (let n = 0; n < 50; n++) await new Promise((done) => setImmediate(done));
}

const alive = () => vms.filter((vm) => !vm.ended);

afterEach(async () => {
  await prepared?.close();
  expect(alive().filter((vm) => !taken.has(vm))).toEqual([]);
  taken.clear();
});

const taken = new Set<FakeVm>();
function take(from: PreparedVms, key: string, options: CloneOptions): FakeVm | undefined {
  const vm = from.take(key, options) as unknown as FakeVm | undefined;
  if (vm !== undefined) taken.add(vm);
  return vm;
}

test('none are made before one is asked for; then as many as were taken at a time', async () => {
  const pool = create();
  await settled();
  expect(vms).toEqual([]);
  expect(take(pool, 'small', small)).toBeUndefined();
  await settled();
  expect(pool.ready).toBe(1);
  for (let n = 0; n < 3; n++) take(pool, 'small', small);
  await settled();
  expect(pool.ready).toBe(4);
  expect(reservedMb).toBe(128 * vms.length);
});

test('each is given out once, and for its own sort alone', async () => {
  const pool = create();
  pool.expect('small', small, 2);
  await settled();
  const first = take(pool, 'small', small);
  const second = take(pool, 'small', small);
  expect(first).not.toBe(second);
  expect([first?.options.memoryMb, second?.options.memoryMb]).toEqual([128, 128]);
  expect(take(pool, 'large', large)).toBeUndefined();
});

test('what cannot all be had is had in proportion, and never more than the size', async () => {
  const pool = create({ size: 6 });
  pool.expect('small', small, 20);
  pool.expect('large', large, 10);
  await settled();
  const sizes = alive().map((vm) => vm.options.memoryMb);
  expect(sizes.filter((mb) => mb === 128)).toHaveLength(4);
  expect(sizes.filter((mb) => mb === 256)).toHaveLength(2);
});

test('what is not asked for any more goes', async () => {
  const pool = create();
  pool.expect('small', small, 4);
  await settled();
  expect(pool.ready).toBe(4);
  time = 60_000;
  pool.refill();
  expect(pool.ready).toBe(2);
  time = 300_000;
  pool.refill();
  expect(pool.ready).toBe(0);
  await settled();
  expect(reservedMb).toBe(0);
});

test('it yields its memory, the least asked sort first', async () => {
  const pool = create();
  pool.expect('small', small, 3);
  pool.expect('large', large, 1);
  await settled();
  expect(pool.shed(300)).toBe(256 + 128);
  expect(alive().map((vm) => vm.options.memoryMb)).toEqual([128, 128]);
});

test('without room none are made, and while others work only what is urgent', async () => {
  let room = false;
  let idle = false;
  const pool = create({ reserve: () => room, release: () => {}, isIdle: () => idle });
  pool.expect('small', small, 4);
  await settled();
  expect(pool.ready).toBe(0);
  room = true;
  pool.refill();
  await settled();
  expect(pool.ready).toBe(3);
  idle = true;
  pool.refill();
  await settled();
  expect(pool.ready).toBe(4);
});

test('one that dies is replaced', async () => {
  const pool = create();
  pool.expect('small', small, 2);
  await settled();
  await alive()[0]?.end();
  await settled();
  expect(pool.ready).toBe(2);
  expect(vms).toHaveLength(3);
  expect(reservedMb).toBe(256);
});

test('a sort that cannot be made is left alone until it is asked for', async () => {
  const failures: string[] = [];
  let tries = 0;
  const pool = create({
    make: () => {
      tries += 1;
      return Promise.reject(new Error('no'));
    },
    onError: (key) => failures.push(key),
  });
  pool.expect('small', small, 4);
  await settled();
  expect([tries, failures, reservedMb]).toEqual([1, ['small'], 0]);
  take(pool, 'small', small);
  await settled();
  expect(tries).toBe(2);
});

test('forgotten ones end, also those that are being made', async () => {
  const pool = create();
  pool.expect('a snapshot', small, 2);
  await new Promise((done) => setImmediate(done));
  pool.forget((key) => key === 'a snapshot');
  await settled();
  expect(alive()).toEqual([]);
  expect(pool.ready).toBe(0);
});
