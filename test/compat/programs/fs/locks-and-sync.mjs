import fs from 'node:fs';
import { promisify } from 'node:util';
import { tell, tellSync } from '../support/tell.mjs';

const fd = fs.openSync('file', 'w+');
fs.writeSync(fd, 'durable');
tellSync('fsync', () => fs.fsyncSync(fd));
tellSync('fdatasync', () => fs.fdatasyncSync(fd));
await tell('asynchronous', () => promisify(fs.fsync)(fd));
fs.closeSync(fd);
tellSync('fsync of a closed one', () => fs.fsyncSync(fd));
tellSync('fsync of 9999', () => fs.fsyncSync(9999));
tellSync('flush option', () => fs.writeFileSync('file', 'x', { flush: true }));
const folder = fs.openSync('.', 'r');
tellSync('fsync of a folder', () => fs.fsyncSync(folder));
tellSync('read of a folder', () => fs.readSync(folder, Buffer.alloc(10)));
tellSync('write to a folder', () => fs.writeSync(folder, 'x'));
fs.closeSync(folder);
tellSync('readFile of a folder', () => fs.readFileSync('.'));
tellSync('writeFile to a folder', () => fs.writeFileSync('.', 'x'));
tellSync('descriptors are reused', () => {
  const fds = [1, 2, 3].map(() => fs.openSync('file', 'r'));
  fs.closeSync(fds[1]);
  const again = fs.openSync('file', 'r');
  for (const open of [fds[0], fds[2], again]) fs.closeSync(open);
  return again === fds[1];
});
