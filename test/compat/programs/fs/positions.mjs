import fs from 'node:fs';
import { tellSync } from '../support/tell.mjs';

const fd = fs.openSync('file', 'w+');
tellSync('write at 5', () => fs.writeSync(fd, Buffer.from('hello'), 0, 5, 5));
tellSync('write at the position', () => fs.writeSync(fd, 'AB'));
tellSync('holes are zero', () => JSON.stringify(fs.readFileSync('file', 'latin1')));
const buffer = Buffer.alloc(8, '.');
tellSync('read at the position', () => [fs.readSync(fd, buffer), buffer.toString('latin1')]);
tellSync('read again', () => fs.readSync(fd, buffer));
tellSync('read at 6', () => [fs.readSync(fd, buffer, 1, 3, 6), buffer.toString('latin1')]);
tellSync('read at a bigint', () => [fs.readSync(fd, buffer, 0, 4, 5n), buffer.toString('latin1')]);
tellSync('read far behind the end', () => fs.readSync(fd, buffer, 0, 4, 2 ** 40));
tellSync('read of nothing', () => fs.readSync(fd, buffer, 0, 0, 0));
tellSync('readv', () => {
  const parts = [Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(4), Buffer.alloc(9)];
  return [fs.readvSync(fd, parts, 0), ...parts.map((part) => JSON.stringify(part.toString('latin1')))];
});
tellSync('writev', () => fs.writevSync(fd, [Buffer.from('one'), Buffer.from(''), Buffer.from('two')], 2));
tellSync('writev at the position', () => fs.writevSync(fd, [Buffer.from('1'), Buffer.from('22'), Buffer.from('333')]));
tellSync('content', () => JSON.stringify(fs.readFileSync('file', 'latin1')));
tellSync('2000 parts', () =>
  fs.writevSync(
    fd,
    Array.from({ length: 2000 }, (_, i) => Buffer.from([i & 0x7f])),
    0,
  ),
);
tellSync('size', () => fs.fstatSync(fd).size);
tellSync('readFile from the position', () => fs.readFileSync(fd, 'latin1').length);
tellSync('appendFile to a descriptor', () => fs.appendFileSync(fd, 'tail'));
tellSync('size', () => fs.fstatSync(fd).size);
fs.closeSync(fd);
tellSync('closed', () => fs.readSync(fd, buffer));
tellSync('closed twice', () => fs.closeSync(fd));
const readOnly = fs.openSync('file', 'r');
tellSync('write to a reader', () => fs.writeSync(readOnly, 'x'));
tellSync('truncate a reader', () => fs.ftruncateSync(readOnly, 1));
fs.closeSync(readOnly);
const writeOnly = fs.openSync('file', 'w');
tellSync('read a writer', () => fs.readSync(writeOnly, buffer));
fs.closeSync(writeOnly);
