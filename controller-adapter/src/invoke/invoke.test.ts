import { createEmbeddedBus } from '@ebbwhisk/invoker/bus/embedded.ts';
import { invokerInstance, serialisePingMessage } from '@ebbwhisk/invoker/protocol/messages.ts';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { hashBalancer } from './balancer.ts';
import { InvokerHealth } from './health.ts';
import { forcedAfterMs, InFlight, type Result } from './in-flight.ts';

describe('the balancer', () => {
  const actions = Array.from({ length: 1000 }, (_, index) => `guest/action${index}`);
  const homes = (healthy: number[]) => actions.map((action) => hashBalancer.choose('guest', action, healthy));

  it('has no answer without invokers', () => {
    expect(hashBalancer.choose('guest', 'guest/a', [])).toBeUndefined();
  });

  it('spreads actions evenly', () => {
    const counts = [0, 0, 0, 0];
    for (const home of homes([0, 1, 2, 3])) counts[home ?? 0] = (counts[home ?? 0] ?? 0) + 1;
    for (const count of counts) {
      expect(count).toBeGreaterThan(190);
      expect(count).toBeLessThan(310);
    }
  });

  it('moves only the actions of an invoker that goes', () => {
    const before = homes([0, 1, 2, 3]);
    const after = homes([0, 1, 3]);
    for (const [index, home] of before.entries()) if (home !== 2) expect(after[index]).toBe(home);
  });
});

describe('health', () => {
  it('follows the pings and forgets an invoker after ten seconds of silence', async () => {
    let now = 1_000_000;
    const bus = createEmbeddedBus();
    const health = new InvokerHealth(() => now, pino({ level: 'silent' }));
    await health.follow(bus, '0');
    const ping = async (instance: number, isEnabled?: boolean) => {
      const name = invokerInstance(instance, 1024);
      await bus.send('health', serialisePingMessage(isEnabled === undefined ? { name } : { name, isEnabled }));
      await new Promise((resolve) => setImmediate(resolve));
    };
    expect(await health.waitHealthy(10)).toBe(false);
    const waiting = health.waitHealthy(1000);
    await ping(3);
    expect(await waiting).toBe(true);
    await ping(1, true);
    expect(health.healthy()).toEqual([1, 3]);
    await bus.send('health', 'nonsense');
    await ping(3, false);
    expect(health.healthy()).toEqual([1]);
    now += 9_999;
    expect(health.healthy()).toEqual([1]);
    now += 1;
    expect(health.healthy()).toEqual([]);
    await ping(3, true);
    expect(health.healthy()).toEqual([3]);
    await bus.close();
  });
});

describe('in flight', () => {
  it('counts by namespace and ends each entry once', () => {
    const inFlight = new InFlight(() => 0);
    inFlight.add('a', 'one', 1000);
    inFlight.add('b', 'one', 1000);
    inFlight.add('c', 'two', 1000);
    expect([inFlight.size, inFlight.ofNamespace('one'), inFlight.ofNamespace('two')]).toEqual([3, 2, 1]);
    expect(inFlight.complete('a')).toBe(true);
    expect(inFlight.complete('a')).toBe(false);
    expect(inFlight.ofNamespace('one')).toBe(1);
  });

  it('gives the first result, and "stored" when completion comes without one', () => {
    const inFlight = new InFlight(() => 0);
    const results: Result[] = [];
    inFlight.add('a', 'one', 1000, (result) => results.push(result));
    inFlight.complete('a');
    expect(results).toEqual(['stored']);
    expect(inFlight.result('a', 'stored')).toBe(false);
  });

  it('gives up on completions that never come', () => {
    let now = 0;
    const inFlight = new InFlight(() => now);
    inFlight.add('short', 'one', 1000);
    inFlight.add('long', 'one', 300_000);
    expect([forcedAfterMs(1000), forcedAfterMs(300_000)]).toEqual([180_000, 660_000]);
    now = 180_000;
    expect(inFlight.sweep()).toEqual(['short']);
    expect(inFlight.size).toBe(1);
  });

  it('tells when it is empty', async () => {
    const inFlight = new InFlight(() => 0);
    expect(await inFlight.drained(0)).toBe(true);
    inFlight.add('a', 'one', 1000);
    expect(await inFlight.drained(10)).toBe(false);
    const drained = inFlight.drained(1000);
    inFlight.complete('a');
    expect(await drained).toBe(true);
  });
});
