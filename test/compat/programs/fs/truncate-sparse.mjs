import fs from 'node:fs';
import { tellSync } from '../support/tell.mjs';

fs.writeFileSync('file', 'abcdefghij');
tellSync('shorter', () => {
  fs.truncateSync('file', 4);
  return fs.readFileSync('file', 'latin1');
});
tellSync('longer is zero', () => {
  fs.truncateSync('file', 8);
  return JSON.stringify(fs.readFileSync('file', 'latin1'));
});
tellSync('to nothing', () => {
  fs.truncateSync('file');
  return fs.statSync('file').size;
});
tellSync('negative', () => {
  fs.truncateSync('file', -1);
  return fs.statSync('file').size;
});
tellSync('missing', () => fs.truncateSync('missing', 1));
fs.mkdirSync('folder');
tellSync('folder', () => fs.truncateSync('folder', 1));
tellSync('data cut off does not come back', () => {
  fs.writeFileSync('file', Buffer.alloc(10000, 'x'));
  fs.truncateSync('file', 5000);
  fs.truncateSync('file', 10000);
  const content = fs.readFileSync('file');
  return [content.subarray(0, 5000).every((byte) => byte === 120), content.subarray(5000).every((byte) => byte === 0)];
});
const fd = fs.openSync('sparse', 'w+');
tellSync('a byte at 1 GiB', () => fs.writeSync(fd, Buffer.from('!'), 0, 1, 2 ** 30));
tellSync('its size', () => fs.fstatSync(fd).size);
tellSync('blocks are few', () => fs.fstatSync(fd).blocks <= 16);
tellSync('the hole', () => {
  const hole = Buffer.alloc(100, 1);
  return [fs.readSync(fd, hole, 0, 100, 2 ** 29), hole.every((byte) => byte === 0)];
});
tellSync('the end', () => {
  const end = Buffer.alloc(100, 1);
  return [fs.readSync(fd, end, 0, 100, 2 ** 30 - 50), end[49], end[50]];
});
fs.closeSync(fd);
