import { createHistogram, monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import { sleep, tell } from '../support/tell.mjs';

await tell('mark and measure', () => {
  performance.mark('a', { detail: 5 });
  performance.mark('b', { startTime: 10 });
  const measure = performance.measure('m', { start: 10, end: 25 });
  const entries = performance.getEntriesByType('mark').map(({ name, detail }) => [name, detail]);
  performance.clearMarks();
  return [measure.duration, measure.startTime, entries, performance.getEntriesByType('mark').length];
});
await tell('observer', async () => {
  const seen = [];
  const observer = new PerformanceObserver((list) =>
    seen.push(...list.getEntries().map(({ name, entryType }) => `${entryType} ${name}`)),
  );
  observer.observe({ entryTypes: ['mark', 'measure'] });
  performance.mark('x');
  performance.measure('y', 'x');
  await sleep(5);
  observer.disconnect();
  return seen;
});
await tell('timerify', async () => {
  const seen = [];
  const observer = new PerformanceObserver((list) => seen.push(...list.getEntries().map(({ name }) => name)));
  observer.observe({ entryTypes: ['function'] });
  performance.timerify(function work() {})();
  await sleep(5);
  observer.disconnect();
  return seen;
});
await tell('loop delay', async () => {
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  monitor.enable();
  await sleep(10);
  const until = performance.now() + 40;
  while (performance.now() < until);
  await sleep(10);
  monitor.disable();
  return [monitor.max >= 30e6, monitor.count > 0, monitor.min > 0, monitor.percentile(50) > 0];
});
await tell('loop utilization', async () => {
  const before = performance.eventLoopUtilization();
  await sleep(30);
  const until = performance.now() + 30;
  while (performance.now() < until);
  await sleep(1);
  const { utilization, idle, active } = performance.eventLoopUtilization(before);
  return [utilization > 0 && utilization < 1, idle > 0, active > 20];
});
await tell('histogram', () => {
  const histogram = createHistogram();
  for (let i = 1; i <= 100; i += 1) histogram.record(i);
  return [histogram.min, histogram.max, histogram.mean, histogram.percentile(90), histogram.count];
});
await tell('clocks agree', () => [
  Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 50,
  Math.abs(
    Number(process.hrtime.bigint()) / 1e6 -
      performance.now() -
      Number(process.hrtime.bigint()) / 1e6 +
      performance.now(),
  ) < 5,
]);
await tell('node timing', () => {
  const { nodeStart, bootstrapComplete, loopStart, v8Start } = performance.nodeTiming;
  return [nodeStart >= 0, bootstrapComplete > v8Start, loopStart > 0];
});
await tell('sleep lasts as long as asked', async () => {
  const misses = [];
  for (const ms of [1, 5, 10, 50]) {
    const start = performance.now();
    await sleep(ms);
    if (performance.now() - start < ms - 1) misses.push(ms);
  }
  return misses;
});
await tell('gc entries', async () => {
  const v8 = await import('node:v8');
  const vm = await import('node:vm');
  v8.setFlagsFromString('--expose-gc');
  let seen = 0;
  const observer = new PerformanceObserver((list) => {
    seen += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  vm.runInNewContext('gc')();
  await sleep(5);
  observer.disconnect();
  return seen > 0;
});
