const start = performance.now();
let early = 0;
let fired = 0;
const order = [];
const count = 5000;
await Promise.all(
  Array.from({ length: count }, (_, i) => {
    const delay = 1 + ((i * 7919) % 100);
    return new Promise((resolve) => {
      setTimeout(() => {
        fired += 1;
        if (performance.now() - start < delay - 1) early += 1;
        resolve();
      }, delay);
    });
  }),
);
console.log({ fired, early });
const timers = Array.from({ length: 3000 }, (_, i) => setTimeout(() => order.push(i), 10));
for (let i = 0; i < 3000; i += 2) clearTimeout(timers[i]);
await new Promise((resolve) => setTimeout(resolve, 15));
console.log(
  order.length,
  order.every((value, i) => value === 2 * i + 1),
);
let ticks = 0;
await new Promise((resolve) => {
  const intervals = Array.from({ length: 200 }, () =>
    setInterval(() => {
      ticks += 1;
      if (ticks === 1000) {
        for (const interval of intervals) clearInterval(interval);
        resolve();
      }
    }, 2),
  );
});
console.log(ticks);
let immediates = 0;
await new Promise((resolve) => {
  for (let i = 0; i < 20_000; i += 1) {
    setImmediate(() => {
      immediates += 1;
      if (immediates === 20_000) resolve();
    });
  }
});
console.log(immediates);
