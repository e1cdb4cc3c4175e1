import { expect, test } from 'vitest';
import { until } from '../testing/fixture.ts';
import { createEmbeddedBus } from './embedded.ts';

test('every group sees every message, in order', async () => {
  const bus = createEmbeddedBus();
  const seen: Record<string, string[]> = { a: [], b: [] };
  for (const group of ['a', 'b']) {
    await bus.consume('t', group, { maxInFlight: 1 }, async (message) => void seen[group]?.push(message));
  }
  const messages = Array.from({ length: 5000 }, (_, index) => String(index));
  for (const message of messages) await bus.send('t', message);
  await until(() => seen['a']?.length === 5000 && seen['b']?.length === 5000, 'all');
  expect(seen).toEqual({ a: messages, b: messages });
});

test('what was sent before there was a consumer is not lost', async () => {
  const bus = createEmbeddedBus();
  await bus.ensureTopic('t');
  await bus.send('t', 'early');
  const seen: string[] = [];
  const consumer = await bus.consume('t', 'g', { maxInFlight: 1 }, async (message) => void seen.push(message));
  await until(() => seen.length === 1, 'early');
  await consumer.close();
  await bus.send('t', 'between');
  await bus.consume('t', 'g', { maxInFlight: 1 }, async (message) => void seen.push(message));
  await until(() => seen.length === 2, 'between');
  expect(seen).toEqual(['early', 'between']);
});

test('no more handlers than allowed are pending, and close waits for them', async () => {
  const bus = createEmbeddedBus();
  const go: (() => void)[] = [];
  let started = 0;
  const consumer = await bus.consume('t', 'g', { maxInFlight: 2 }, () => {
    started += 1;
    return new Promise<void>((resolve) => go.push(resolve));
  });
  for (let index = 0; index < 5; index += 1) await bus.send('t', 'm');
  await until(() => started === 2, 'two');
  go.shift()?.();
  await until(() => started === 3, 'three');
  let closed = false;
  const closing = consumer.close().then(() => {
    closed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(closed).toBe(false);
  for (const each of go) each();
  await closing;
  expect(started).toBe(3);
});

test('a handler that throws loses only its message', async () => {
  const errors: unknown[] = [];
  const bus = createEmbeddedBus({ onHandlerError: (error) => errors.push(error) });
  const seen: string[] = [];
  await bus.consume('t', 'g', { maxInFlight: 1 }, (message) => {
    if (message === 'bad') throw new Error('bad');
    seen.push(message);
    return Promise.resolve();
  });
  for (const message of ['bad', 'good']) await bus.send('t', message);
  await until(() => seen.length === 1, 'good');
  expect(errors).toHaveLength(1);
});

test('too large messages, full backlogs and a closed bus are refused', async () => {
  const bus = createEmbeddedBus({ maxMessageBytes: 10, maxBacklog: 2 });
  await expect(bus.send('t', 'é'.repeat(6))).rejects.toMatchObject({ code: 'BUS_MESSAGE_TOO_LARGE' });
  await bus.send('t', 'é'.repeat(5));
  await bus.send('t', '2');
  await expect(bus.send('t', '3')).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  await bus.close();
  await expect(bus.send('u', '1')).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
});
