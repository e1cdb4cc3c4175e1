import fs from 'node:fs';
import { tellSync } from '../support/tell.mjs';

const shape = (value) =>
  Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, field instanceof Date ? 'Date' : typeof field]),
  );
fs.writeFileSync('file', 'x'.repeat(5000));
const stat = fs.statSync('file');
console.log(shape(stat));
console.log(
  stat.size,
  stat.blksize,
  stat.blocks,
  stat.nlink,
  stat.isFile(),
  stat.isDirectory(),
  stat.isFIFO(),
  stat.isSocket(),
);
console.log(shape(fs.statSync('file', { bigint: true })));
console.log(stat.dev === fs.statSync('.').dev, stat.ino !== fs.statSync('.').ino);
tellSync('throwIfNoEntry', () => fs.statSync('missing', { throwIfNoEntry: false }));
tellSync('below a file', () => fs.statSync('file/x', { throwIfNoEntry: false }));
for (const name of ['/dev/null', '/dev/zero', '/dev/urandom', '/dev/full']) {
  tellSync(name, () => {
    const device = fs.statSync(name);
    return [device.isCharacterDevice(), device.mode.toString(8), device.rdev, device.size];
  });
}
tellSync('/proc/self', () => fs.statSync('/proc/self').isDirectory());
tellSync('/dev/full', () => fs.writeFileSync('/dev/full', 'x'));
tellSync('/dev/zero', () => {
  const fd = fs.openSync('/dev/zero', 'r');
  const buffer = Buffer.alloc(10, 1);
  const count = fs.readSync(fd, buffer);
  fs.closeSync(fd);
  return [count, buffer.every((byte) => byte === 0)];
});
tellSync('/dev/null', () => [fs.readFileSync('/dev/null').length, fs.writeFileSync('/dev/null', 'x')]);
tellSync('/dev/stdin', () => fs.readFileSync('/dev/stdin', 'utf8').length);
tellSync('/proc/self/fd', () => fs.readdirSync('/proc/self/fd').filter((name) => Number(name) < 3));
tellSync('/proc/self/comm', () => fs.readFileSync('/proc/self/comm', 'utf8').length > 1);
tellSync('/etc/hosts', () => fs.readFileSync('/etc/hosts', 'utf8').includes('localhost'));
