import { afterEach, expect, test } from 'vitest';
import { type FakeHost, fakeHost } from './testing/fake-vm.ts';
import { type Fixture, startFixture, until } from './testing/fixture.ts';

let host: FakeHost;
let fixture: Fixture;

/** Guests whose /run waits until it is let go. */
class Gate {
  readonly waiting: { action: string; go: () => void }[] = [];
  readonly order: string[] = [];

  readonly guest = {
    onRequest: ({ path, body }: { path: string; body: string }) => {
      if (path !== '/run') return undefined;
      const { action_name: action } = JSON.parse(body) as { action_name: string };
      this.order.push(action);
      return new Promise<void>((go) => this.waiting.push({ action, go }));
    },
  };

  letGo(): void {
    for (const { go } of this.waiting.splice(0)) go();
  }
}

async function start(
  guest: Parameters<typeof fakeHost>[0] = {},
  options: Parameters<typeof startFixture>[1] = {},
): Promise<void> {
  host = fakeHost(guest);
  fixture = await startFixture(host.boot, options);
}

const call = (name: string, revision = '1-a') => ({ action: { path: 'guest', name, version: '0.0.1' }, revision });
const running = () => host.vms.flatMap((vm) => vm.requests).filter(({ path }) => path === '/run').length;
const pool = () => fixture.invoker.status().pool;

afterEach(async () => {
  await fixture.close();
  expect(host.alive()).toEqual([]);
  expect(pool()).toMatchObject({ usedMb: 0, queued: 0, vms: [] });
});

test('a VM is used again by the same action, initialised once, over one connection', async () => {
  await start();
  fixture.putAction();
  const first = await fixture.invoke();
  const second = await fixture.invoke();
  await fixture.invoke();
  expect(host.vms).toHaveLength(1);
  expect(host.vms[0]?.requests.map(({ path }) => path)).toEqual(['/init', '/run', '/run', '/run']);
  expect(host.vms[0]?.connections).toBe(1);
  const keys = (finished: typeof first) => finished.record.annotations.map((each) => each.key);
  expect(keys(first)).toContain('initTime');
  expect(keys(second)).not.toContain('initTime');
  expect(second.record.annotations).toContainEqual({ key: 'ebbStart', value: 'hot' });
  expect(fixture.invoker.status().starts).toMatchObject({ cold: 1, hot: 2 });
  expect(await fixture.invoker.metrics()).toContain('activations_total{start="hot",status="success"} 2');
});

test('never by another namespace, and never by two activations at once', async () => {
  const gate = new Gate();
  await start(gate.guest);
  fixture.putAction();
  const user = { ...fixture.message().user, namespace: { name: 'other', uuid: 'u2' } };
  const all = [fixture.invoke(), fixture.invoke(), fixture.invoke({ user })];
  await until(() => running() === 3, 'three at once');
  gate.letGo();
  await Promise.all(all);
  expect(host.vms.map((vm) => vm.requests.length)).toEqual([2, 2, 2]);
  // Two VMs of guest and one of other; an activation of other must take its own.
  const again = fixture.invoke({ user });
  await until(() => running() === 4, 'the fourth');
  gate.letGo();
  await again;
  expect(host.vms.map((vm) => vm.requests.length)).toEqual([2, 2, 3]);
});

test('who comes while only logs are still to be collected waits for that VM instead of having another one made', async () => {
  await start({ flushMs: 20 });
  fixture.putAction();
  await fixture.invoke();
  const second = fixture.invoke();
  // Its answer is out, its logs are not in.
  await until(() => fixture.acks.filter(({ kind }) => kind === 'result').length === 2, 'the second answer');
  const third = fixture.invoke();
  await Promise.all([second, third]);
  expect(host.vms).toHaveLength(1);
});

test('but not for long: logs that do not come do not hold up the next activation', async () => {
  await start({ flushMs: 400 });
  fixture.putAction();
  const first = fixture.invoke();
  await until(() => fixture.acks.filter(({ kind }) => kind === 'result').length === 1, 'the first answer');
  const second = fixture.invoke();
  await until(() => host.vms.length === 2, 'another VM', 300);
  await Promise.all([first, second]);
});

test('an action with concurrency shares its VM, up to that many', async () => {
  const gate = new Gate();
  await start(gate.guest);
  fixture.putAction({ limits: { concurrency: 3 } });
  const all = [1, 2, 3, 4].map(() => fixture.invoke());
  await until(() => running() === 4, 'all at once');
  expect(host.vms.map((vm) => vm.requests.map(({ path }) => path))).toEqual([
    ['/init', '/run', '/run', '/run'],
    ['/init', '/run'],
  ]);
  expect(JSON.parse(host.vms[0]?.requests[0]?.body ?? '')).toMatchObject({
    value: { env: { __OW_ALLOW_CONCURRENT: 'true' } },
  });
  gate.letGo();
  await Promise.all(all);
});

test('those who waited for an initialisation that failed go to other VMs', async () => {
  let inits = 0;
  await start({
    onRequest: async ({ path, response }) => {
      if (path === '/init' && inits++ === 0) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        response.writeHead(502).end('{"error":"no"}');
      }
    },
  });
  fixture.putAction({ limits: { concurrency: 2 } });
  const [first, second] = await Promise.all([fixture.invoke(), fixture.invoke()]);
  expect(first.activation?.response.statusCode).toBe(2);
  expect(second.activation?.response.statusCode).toBe(0);
});

test('memory is the limit: the rest waits in order', async () => {
  const gate = new Gate();
  await start(gate.guest, { memoryMb: 512 });
  for (const name of ['a', 'b', 'c', 'd']) fixture.putAction({ name, limits: { memory: name === 'c' ? 512 : 256 } });
  const all = ['a', 'b', 'c', 'd'].map((name) => fixture.invoke(call(name)));
  await until(() => running() === 2, 'two at once');
  expect(pool()).toMatchObject({ usedMb: 512, queued: 2 });
  // One is free again, but c needs both, and d is behind c.
  gate.waiting.shift()?.go();
  await all[0];
  expect(pool().queued).toBe(2);
  gate.letGo();
  await until(() => running() === 3, 'c alone');
  expect(pool()).toMatchObject({ usedMb: 512, queued: 1 });
  gate.letGo();
  await until(() => running() === 4, 'd');
  gate.letGo();
  await Promise.all(all);
  expect(gate.order).toEqual(['/guest/a', '/guest/b', '/guest/c', '/guest/d']);
});

test('the least recently used idle VM makes room', async () => {
  await start({}, { memoryMb: 512 });
  for (const name of ['a', 'b', 'c']) fixture.putAction({ name });
  await fixture.invoke(call('a'));
  await fixture.invoke(call('b'));
  await fixture.invoke(call('a'));
  await fixture.invoke(call('c'));
  expect(host.vms.map((vm) => vm.ended)).toEqual([false, true, false]);
  await fixture.invoke(call('a'));
  expect(host.vms).toHaveLength(3);
});

test('an idle VM goes after its time', async () => {
  await start({}, { idleMs: 60 });
  fixture.putAction();
  await fixture.invoke();
  await until(() => host.alive().length === 0, 'it went');
  expect(pool().vms).toEqual([]);
});

test('a new revision replaces the VMs of the old one', async () => {
  await start();
  fixture.putAction({ revision: '1-a' });
  await fixture.invoke(call('hello', '1-a'));
  fixture.putAction({ revision: '2-b' });
  await fixture.invoke(call('hello', '2-b'));
  await until(() => host.alive().length === 1, 'the old one went');
  expect(host.vms.map((vm) => vm.ended)).toEqual([true, false]);
  // A late message for the old revision gets a VM of its own, which does not stay.
  await fixture.invoke(call('hello', '1-a'));
  await until(() => host.alive().length === 1, 'the late one went');
  expect(host.vms.map((vm) => vm.ended)).toEqual([true, false, true]);
});

test('a VM that dies while idle is forgotten', async () => {
  await start();
  fixture.putAction();
  await fixture.invoke();
  await host.vms[0]?.die({ reason: 'tender' });
  await until(() => pool().vms.length === 0, 'forgotten');
  expect((await fixture.invoke()).activation?.response.statusCode).toBe(0);
});

test('a failed VM that others still use ends when they are done', async () => {
  const gate = new Gate();
  await start({
    onRequest: async (request) => {
      if (request.path === '/run' && request.body.includes('"bad"')) request.response.writeHead(502).end('{"error":1}');
      else await gate.guest.onRequest(request);
    },
  });
  fixture.putAction({ limits: { concurrency: 2 } });
  const good = fixture.invoke();
  await until(() => running() === 1, 'one runs');
  await fixture.invoke({ content: { bad: true } });
  expect(host.alive()).toHaveLength(1);
  gate.letGo();
  expect((await good).activation?.response.statusCode).toBe(0);
  await until(() => host.alive().length === 0, 'it ended');
});

test('a thousand activations of ten actions in a small pool all end well', async () => {
  await start({}, { memoryMb: 1024 });
  for (let index = 0; index < 10; index += 1) fixture.putAction({ name: `a${index}` });
  const all = Array.from({ length: 1000 }, (_, index) =>
    fixture.invoke({ ...call(`a${index % 10}`), content: { index }, blocking: index % 3 !== 0 }),
  );
  const done = await Promise.all(all);
  expect(done.map(({ record }) => record.response.result)).toEqual(done.map((_, index) => ({ index })));
  expect(host.alive().length).toBeLessThanOrEqual(4);
}, 30_000);

test('a VM gets CPU by its memory, and by its annotation', async () => {
  await start({}, { memoryMb: 1024, cpus: 2 });
  fixture.putAction({ limits: { memory: 256 } });
  await fixture.invoke();
  // A quarter of the memory: a quarter of OpenWhisk's 1024 shares and of the two cores.
  expect(host.vms[0]?.options.cpu).toEqual({ shares: 256, quotaPercent: 50 });
  fixture.putAction({ revision: '2-b', limits: { memory: 256 }, annotations: [{ key: 'ebbCpuQuota', value: 20 }] });
  await fixture.invoke({ revision: '2-b' });
  expect(host.vms[1]?.options.cpu).toEqual({ shares: 256, quotaPercent: 20 });
  fixture.putAction({ revision: '3-c', limits: { memory: 256 }, annotations: [{ key: 'ebbCpuQuota', value: 'much' }] });
  await fixture.invoke({ revision: '3-c' });
  expect(host.vms[2]?.options.cpu).toEqual({ shares: 256, quotaPercent: 50 });
});
