/** Warm starts through the invoker, with VMs that only seem to be. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmError } from '@ebbwhisk/libos-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InvokerOptions } from '../invoker.ts';
import { annotation } from '../protocol/messages.ts';
import { answer, type FakeGuest, type FakeHost, fakeHost } from '../testing/fake-vm.ts';
import { type Finished, type Fixture, startFixture, until } from '../testing/fixture.ts';
import { serialiseInvalidation } from './invalidation.ts';

let folder: string;
let host: FakeHost;
let fixture: Fixture;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'warm-'));
});
afterEach(async () => {
  await fixture.close();
  expect(host.alive()).toEqual([]);
  expect(fixture.invoker.status().pool).toMatchObject({ usedMb: 0, queued: 0, prepared: 0, vms: [] });
  rmSync(folder, { recursive: true });
});

async function start(guest: FakeGuest = {}, options: Partial<InvokerOptions> = {}): Promise<void> {
  host = fakeHost(guest);
  fixture = await startFixture(host.boot, {
    clone: host.clone,
    snapshots: { folder, maxBytes: 1_000_000 },
    captureDelayMs: 1,
    ...options,
  });
}

/** Actions that are there before the invoker starts. */
function storeOf(revisions: Readonly<Record<string, string>>): InvokerOptions['actions'] {
  return {
    getAction: (id) => {
      const [namespace, name] = id.split('/');
      const exec = { kind: 'nodejs:24', code: 'x' };
      const document = { _id: id, _rev: revisions[id], namespace, name, version: '0.0.1', exec };
      return Promise.resolve(id in revisions ? JSON.stringify(document) : undefined);
    },
  };
}

const snapshots = () => readdirSync(folder).filter((name) => name.endsWith('.json'));
const startOf = ({ record }: Finished) => annotation(record.annotations, 'ebbStart');
const call = (name: string, revision = '1-a') => ({ action: { path: 'guest', name, version: '0.0.1' }, revision });
const paths = (n: number) => host.vms[n]?.requests.map(({ path }) => path);

/** Its VM is gone, as by time. */
async function endAll(): Promise<void> {
  await Promise.all(host.vms.map((vm) => vm.end()));
  await until(() => fixture.invoker.status().pool.vms.length === 0, 'no VMs');
}

async function captured(count = 1): Promise<void> {
  await until(() => fixture.invoker.status().snapshots.count === count, 'a snapshot');
  await until(() => fixture.invoker.status().pool.vms.every(({ state }) => state === 'idle'), 'rest');
}

describe('a function', () => {
  test('starts warm once its VM is gone: without /init, and only in the very same sort of VM', async () => {
    await start();
    fixture.putAction();
    const first = await fixture.invoke();
    await captured();
    await endAll();
    const second = await fixture.invoke();
    const third = await fixture.invoke();
    expect([first, second, third].map(startOf)).toEqual(['cold', 'warm', 'hot']);
    expect(host.vms.map(({ origin }) => origin)).toEqual(['template', 'snapshot']);
    expect([paths(0), paths(1)]).toEqual([
      ['/init', '/run'],
      ['/run', '/run'],
    ]);
    expect(host.vms[1]?.options).toMatchObject({ kind: 'nodejs:24', memoryMb: 256 });
    expect(Object.keys(JSON.parse(JSON.stringify(annotation(second.record.annotations, 'ebbPhases'))))).toEqual([
      'queue',
      'clone',
      'run',
    ]);
    expect([first, second, third].map(({ record }) => annotation(record.annotations, 'ebbCost') !== undefined)).toEqual(
      [true, true, false],
    );
    expect(fixture.invoker.status().starts).toMatchObject({ cold: 1, warm: 1, hot: 1 });
  });

  test('of a restarted invoker is warm at once, on the same API host', async () => {
    await start();
    fixture.putAction();
    await fixture.invoke();
    await captured();
    await fixture.close();
    const restart = async (apiHost: string) => {
      await start({}, { apiHost, actions: storeOf({ 'guest/hello': '1-a' }) });
      return startOf(await fixture.invoke());
    };
    expect(await restart('http://10.0.2.2:3233')).toBe('warm');
    await fixture.close();
    expect(await restart('http://10.0.2.2:4444')).toBe('cold');
  });

  test('of another namespace starts cold', async () => {
    await start();
    fixture.putAction();
    await fixture.invoke();
    await captured();
    await endAll();
    const user = { ...fixture.message().user, namespace: { name: 'other', uuid: 'u2' } };
    expect(startOf(await fixture.invoke({ user }))).toBe('cold');
  });

  test('with other init parameters starts cold', async () => {
    await start();
    fixture.putAction();
    const initArgs = ['secret'];
    await fixture.invoke({ initArgs, content: { secret: 'a', other: 1 } });
    await captured();
    await endAll();
    expect(startOf(await fixture.invoke({ initArgs, content: { secret: 'b', other: 1 } }))).toBe('cold');
    await captured(2);
    await endAll();
    expect(startOf(await fixture.invoke({ initArgs, content: { secret: 'a', other: 2 } }))).toBe('warm');
  });

  test('that does not want it has no snapshots', async () => {
    await start();
    fixture.putAction({ annotations: [{ key: 'ebbSnapshot', value: false }] });
    await fixture.invoke();
    await new Promise((done) => setTimeout(done, 30));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that fails has none; that works the next time has one', async () => {
    let runs = 0;
    await start({
      onRequest: ({ path, response }) =>
        path === '/run' && runs++ === 0 ? answer(response, 200, '{"error":"no"}') : undefined,
    });
    fixture.putAction();
    await fixture.invoke();
    await new Promise((done) => setTimeout(done, 30));
    expect(snapshots()).toEqual([]);
    await fixture.invoke();
    await captured();
  });
});

describe('a snapshot', () => {
  test('delays nobody: who comes while it is taken interrupts it, and it is tried again', async () => {
    let taken = 0;
    await start({ snapshotMs: 300, onSnapshot: () => void taken++ });
    fixture.putAction();
    await fixture.invoke();
    for (let n = 0; n < 5; n++) {
      await new Promise((done) => setTimeout(done, 50));
      const from = Date.now();
      expect(startOf(await fixture.invoke())).toBe('hot');
      expect(Date.now() - from).toBeLessThan(200);
    }
    expect(taken).toBe(0);
    await captured();
    expect(startOf(await fixture.invoke())).toBe('hot');
    expect([taken, host.vms.length]).toEqual([1, 1]);
  });

  test('goes when its action changes or is deleted', async () => {
    await start();
    for (const name of ['updated', 'deleted', 'kept']) {
      fixture.putAction({ name });
      await fixture.invoke(call(name));
    }
    await captured(3);
    fixture.putAction({ name: 'updated', revision: '2-b' });
    await fixture.invoke(call('updated', '2-b'));
    await until(() => snapshots().length === 3, 'the new one in place of the old one');
    await fixture.bus.send('cacheInvalidation', serialiseInvalidation('guest/deleted', 'controller0'));
    await until(() => snapshots().length === 2, 'two left');
    await until(() => readdirSync(folder).length === 4, 'their files, too');
  });

  test('of an action that changed or went while there was no invoker goes at the start', async () => {
    await start();
    for (const name of ['updated', 'deleted', 'kept']) {
      fixture.putAction({ name });
      await fixture.invoke(call(name));
    }
    await captured(3);
    await fixture.close();
    await start({}, { actions: storeOf({ 'guest/updated': '2-b', 'guest/kept': '1-a' }) });
    await until(() => snapshots().length === 1, 'one left');
    await until(() => readdirSync(folder).length === 2, 'its files');
  });

  test('that is refused is dropped, and the start becomes cold', async () => {
    let refuse = true;
    await start({
      onClone: () => {
        if (refuse) throw new VmError('VM_SNAPSHOT_REFUSED', 'damaged');
      },
    });
    fixture.putAction();
    await fixture.invoke();
    await captured();
    const [before] = snapshots();
    await endAll();
    expect(startOf(await fixture.invoke())).toBe('cold');
    refuse = false;
    await until(() => snapshots().length === 1 && snapshots()[0] !== before, 'a new one');
    await captured();
    await endAll();
    expect(startOf(await fixture.invoke())).toBe('warm');
  });

  test('whose VM cannot be made for another reason stays', async () => {
    let fail = true;
    await start({
      onClone: () => {
        if (fail) throw new VmError('VM_TEMPLATE_FAILED');
      },
    });
    fixture.putAction();
    await fixture.invoke();
    await captured();
    await endAll();
    expect(startOf(await fixture.invoke())).toBe('cold');
    await endAll();
    fail = false;
    expect(startOf(await fixture.invoke())).toBe('warm');
  });

  test('in which the function dies is dropped', async () => {
    await start({
      onRequest: async ({ path, vm }) => {
        if (path === '/run' && vm.origin === 'snapshot') await vm.die({ reason: 'fault' });
      },
    });
    fixture.putAction();
    await fixture.invoke();
    await captured();
    await endAll();
    expect((await fixture.invoke()).activation?.response.statusCode).toBe(2);
    expect(startOf(await fixture.invoke())).toBe('cold');
  });

  test('that cannot be taken leaves the VM as it is, and is given up after some tries', async () => {
    let tries = 0;
    await start({
      onSnapshot: () => {
        tries += 1;
        throw new VmError('VM_SNAPSHOT_FAILED', 'it does not come to rest');
      },
    });
    fixture.putAction();
    for (let n = 0; n < 5; n++) {
      expect(startOf(await fixture.invoke())).toBe('cold');
      await new Promise((done) => setTimeout(done, 30));
      expect(startOf(await fixture.invoke())).toBe('hot');
      await endAll();
    }
    expect(tries).toBe(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is not taken of a VM that is wanted for its memory', async () => {
    await start({ snapshotMs: 50 }, { memoryMb: 256, captureDelayMs: 10_000 });
    for (const name of ['a', 'b', 'c']) {
      fixture.putAction({ name });
      expect(startOf(await fixture.invoke(call(name)))).toBe('cold');
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('VMs made ahead', () => {
  test('are taken at once, and count against the memory', async () => {
    await start({}, { prepared: 2, memoryMb: 512 });
    fixture.putAction({ name: 'a' });
    await fixture.invoke(call('a'));
    await until(() => fixture.invoke !== undefined && fixture.invoker.status().pool.prepared === 1, 'one ahead');
    expect(fixture.invoker.status().pool.usedMb).toBe(512);
    const ahead = host.vms.at(-1);
    fixture.putAction({ name: 'b' });
    expect(startOf(await fixture.invoke(call('b')))).toBe('cold');
    expect(ahead?.requests.map(({ path }) => path)).toEqual(['/init', '/run']);
    // There is no room for another one.
    expect(fixture.invoker.status().pool).toMatchObject({ usedMb: 512, prepared: 0 });
  });

  test('make room for those that somebody waits for', async () => {
    await start({}, { prepared: 2, memoryMb: 512 });
    fixture.putAction({ name: 'a' });
    await fixture.invoke(call('a'));
    await until(() => fixture.invoker.status().pool.prepared === 1, 'one ahead');
    fixture.putAction({ name: 'large', limits: { memory: 512 } });
    expect((await fixture.invoke(call('large'))).activation?.response.statusCode).toBe(0);
  });

  test('are made of snapshots, too', async () => {
    await start({}, { prepared: 4 });
    fixture.putAction();
    await fixture.invoke();
    await captured();
    await endAll();
    expect(startOf(await fixture.invoke())).toBe('warm');
    await until(() => host.alive().filter(({ origin }) => origin === 'snapshot').length === 2, 'a warm one ahead');
    const ahead = host.vms.at(-1);
    await host.vms.find((vm) => !vm.ended && vm.requests.length > 0)?.end();
    await until(() => fixture.invoker.status().pool.vms.length === 0, 'the first one gone');
    expect(startOf(await fixture.invoke())).toBe('warm');
    expect(ahead?.requests.map(({ path }) => path)).toEqual(['/run']);
    expect(existsSync(folder)).toBe(true);
  });
});

describe("V8's code cache of a long text", () => {
  const code = `${'// long\n'.repeat(40_000)}function main() {}`;
  const withCache: FakeGuest = {
    onRequest: ({ path, body, response }) => {
      if (path === '/code-cache') answer(response, 200, body === '' ? '{"data":"Y29tcGlsZWQ="}' : '{}');
    },
  };
  const all = () =>
    host.vms.map((vm) => vm.requests.map(({ path, body }) => `${path} ${path === '/code-cache' ? body : ''}`.trim()));

  test('is made after a success where there will be no snapshot, and given to the next VM before /init', async () => {
    await start(withCache);
    fixture.putAction({ code, annotations: [{ key: 'ebbSnapshot', value: false }] });
    await fixture.invoke();
    await until(() => host.vms[0]?.requests.length === 3, 'the cache');
    await new Promise((done) => setTimeout(done, 20));
    await fixture.invoke();
    await endAll();
    await fixture.invoke();
    await new Promise((done) => setTimeout(done, 20));
    expect(all()).toEqual([
      ['/init', '/run', '/code-cache', '/run'],
      ['/code-cache compiled', '/init', '/run'],
    ]);
    const user = { ...fixture.message().user, namespace: { name: 'other', uuid: 'u2' } };
    await fixture.invoke({ user });
    expect(all()[2]?.slice(0, 2)).toEqual(['/init', '/run']);
  });

  test('is not made where there is a snapshot (of a VM without garbage), or for a short text', async () => {
    await start(withCache);
    fixture.putAction({ code });
    await fixture.invoke();
    await captured();
    fixture.putAction({ name: 'short', annotations: [{ key: 'ebbSnapshot', value: false }] });
    await fixture.invoke(call('short'));
    await new Promise((done) => setTimeout(done, 50));
    expect(all()).toEqual([
      ['/init', '/run', '/collect'],
      ['/init', '/run'],
    ]);
  });
});
