import fs from 'node:fs';
import { sleep, tellSync } from '../support/tell.mjs';

fs.writeFileSync('file', 'x');
fs.symlinkSync('file', 'link');
fs.mkdirSync('folder');
const times = (name, stat = fs.statSync) => {
  const { atimeMs, mtimeMs } = stat(name);
  return [atimeMs, mtimeMs];
};
for (const [atime, mtime] of [
  [1, 2],
  [1.5, 2.25],
  [0, 0],
  [1e9, 2e9],
  [4e9, 5e9],
  ['123', '456'],
  [new Date(5000), new Date(6500)],
]) {
  tellSync(`utimes ${atime} ${mtime}`, () => {
    fs.utimesSync('file', atime, mtime);
    return times('file');
  });
}
tellSync('lutimes', () => {
  fs.lutimesSync('link', 10, 20);
  return [times('link', fs.lstatSync), times('file')];
});
tellSync('futimes', () => {
  const fd = fs.openSync('file', 'r');
  fs.futimesSync(fd, 30, 40);
  fs.closeSync(fd);
  return times('file');
});
tellSync('utimes of nothing', () => fs.utimesSync('missing', 1, 2));
tellSync('bigint', () => {
  fs.utimesSync('file', 1, 1.25);
  const { mtimeNs, mtimeMs, size } = fs.statSync('file', { bigint: true });
  return [mtimeNs, mtimeMs, size];
});
const now = Date.now();
async function advances(name, change, read) {
  const before = read();
  await sleep(15);
  change();
  console.log(name, read() > before);
}
const m = (name) => () => fs.statSync(name).mtimeMs;
const c = (name) => () => fs.statSync(name).ctimeMs;
await advances('mtime by write', () => fs.writeFileSync('file', 'y'), m('file'));
await advances('ctime by write', () => fs.appendFileSync('file', 'y'), c('file'));
await advances('ctime by chmod', () => fs.chmodSync('file', 0o600), c('file'));
await advances('mtime by chmod', () => fs.chmodSync('file', 0o644), m('file'));
await advances('ctime by link', () => fs.linkSync('file', 'hard'), c('file'));
await advances('ctime by rename', () => fs.renameSync('hard', 'hard2'), c('file'));
await advances('mtime by truncate', () => fs.truncateSync('file', 1), m('file'));
await advances('folder by creation', () => fs.writeFileSync('folder/a', ''), m('folder'));
await advances('folder by content', () => fs.writeFileSync('folder/a', 'x'), m('folder'));
await advances('folder by rename', () => fs.renameSync('folder/a', 'folder/b'), m('folder'));
await advances('folder by removal', () => fs.unlinkSync('folder/b'), m('folder'));
const stat = fs.statSync('file');
console.log('of now', stat.mtimeMs >= now - 20, stat.ctimeMs <= Date.now() + 20, stat.birthtimeMs <= stat.ctimeMs + 1);
