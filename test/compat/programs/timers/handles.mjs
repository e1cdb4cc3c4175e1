import timersPromises from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { once, tell } from '../support/tell.mjs';

await tell('refresh', async () => {
  const start = performance.now();
  let fired;
  const timer = setTimeout(() => {
    fired = performance.now() - start;
  }, 30);
  await timersPromises.setTimeout(20);
  timer.refresh();
  await timersPromises.setTimeout(50);
  return fired >= 48;
});
await tell('hasRef', () => {
  const timer = setTimeout(() => {}, 1000);
  const facts = [timer.hasRef(), timer.unref().hasRef(), timer.ref().hasRef()];
  clearTimeout(timer);
  return facts;
});
await tell('primitive', () => {
  const timer = setTimeout(() => {}, 1000);
  const id = Number(timer);
  clearTimeout(id);
  return [typeof id, timer._destroyed];
});
await tell('unref lets a thread end', async () => {
  const worker = new Worker('setTimeout(() => {}, 1e6).unref(); setInterval(() => {}, 1e6).unref();', { eval: true });
  return once(worker, 'exit');
});
await tell('value', () => timersPromises.setTimeout(1, 'value'));
await tell('immediate', () => timersPromises.setImmediate('now'));
await tell('aborted', () => timersPromises.setTimeout(1000, null, { signal: AbortSignal.timeout(5) }));
await tell('interval', async () => {
  let count = 0;
  for await (const value of timersPromises.setInterval(2, 'tick')) {
    count += 1;
    if (count === 3) return value;
  }
});
await tell('scheduler', async () => {
  await timersPromises.scheduler.wait(2);
  await timersPromises.scheduler.yield();
  return 'waited';
});
await tell('arguments', () => new Promise((resolve) => setTimeout((...values) => resolve(values), 1, 'a', 2)));
await tell('too long', async () => {
  const warned = once(process, 'warning');
  clearTimeout(setTimeout(() => {}, 2 ** 31));
  return (await warned).name;
});
await tell('not a function', () => setTimeout('text'));
await tell('negative and NaN', () =>
  Promise.all([
    new Promise((resolve) => setTimeout(resolve, -5, 'n')),
    new Promise((resolve) => setTimeout(resolve, Number.NaN, 'nan')),
  ]),
);
await tell('AbortSignal.timeout', async () => {
  const signal = AbortSignal.timeout(5);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  return signal.reason.name;
});
await tell('AbortSignal.any', async () => {
  const signal = AbortSignal.any([AbortSignal.timeout(5), new AbortController().signal]);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  return signal.reason.name;
});
