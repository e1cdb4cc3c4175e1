import fs from 'node:fs';
import { once, tell } from '../support/tell.mjs';

await tell('terminals', () => [process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY]);
await tell('stdin ends', async () => {
  let size = 0;
  process.stdin.on('data', (data) => {
    size += data.length;
  });
  if (!process.stdin.readableEnded) await once(process.stdin, 'end');
  return size;
});
await tell('read of 0', () => fs.readSync(0, Buffer.alloc(10)));
await tell('fds', () => [process.stdin.fd, process.stdout.fd, process.stderr.fd]);
await tell('write order', async () => {
  process.stdout.write('one ');
  fs.writeSync(1, 'two ');
  await new Promise((resolve) => process.stdout.write('three\n', resolve));
  return process.stdout.writableLength;
});
await tell('bytes', () => process.stdout.write(Buffer.from([0x41, 0xc3, 0xa9, 0x0a])));
await tell('big', async () => {
  await new Promise((resolve) => process.stdout.write(`${'0123456789'.repeat(20_000)}\n`, resolve));
  return 'written';
});
await tell('columns', () => process.stdout.columns);
await tell('colour', () => [process.stdout.hasColors?.(), process.stdout.getColorDepth?.()]);
console.error('on stderr', { a: 1 });
console.warn('%s is %d', 'warned', 42);
console.table([{ a: 1, b: 'x' }, { a: 2 }]);
console.group('outer');
console.log('inner');
console.groupEnd();
console.dir({ deep: { er: { and: { deeper: 1 } } } }, { depth: 0 });
console.assert(false, 'asserted');
console.count();
console.count();
