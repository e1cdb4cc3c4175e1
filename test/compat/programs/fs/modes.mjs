import fs from 'node:fs';
import { tellSync } from '../support/tell.mjs';

const mode = (name) => fs.statSync(name).mode.toString(8);
const before = process.umask(0o022);
console.log('umask', before.toString(8));
fs.writeFileSync('a', '');
fs.writeFileSync('b', '', { mode: 0o777 });
fs.mkdirSync('c');
fs.mkdirSync('d', { mode: 0o1777 });
console.log(mode('a'), mode('b'), mode('c'), mode('d'));
process.umask(0);
fs.writeFileSync('e', '', { mode: 0o666 });
console.log(mode('e'), process.umask().toString(8));
process.umask(0o777);
fs.writeFileSync('f', '');
console.log(mode('f'));
process.umask(0o022);
for (const value of [0o600, 0o444, 0o000, 0o4755, 0o2711, 0o1777]) {
  fs.chmodSync('a', value);
  console.log(value.toString(8), mode('a'));
}
const fd = fs.openSync('a', 'r');
fs.fchmodSync(fd, 0o640);
console.log(mode('a'));
fs.closeSync(fd);
fs.symlinkSync('a', 'link');
fs.chmodSync('link', 0o604);
console.log(mode('a'), fs.lstatSync('link').mode.toString(8));
tellSync('chmod of nothing', () => fs.chmodSync('missing', 0o600));
tellSync('chown to itself', () => {
  const { uid, gid } = fs.statSync('a');
  fs.chownSync('a', uid, gid);
  fs.lchownSync('link', uid, gid);
  return fs.statSync('a').uid === uid;
});
tellSync('owned by the process', () => fs.statSync('a').uid === process.getuid());
const { F_OK, R_OK, W_OK, X_OK } = fs.constants;
fs.chmodSync('a', 0o755);
for (const flags of [F_OK, R_OK, W_OK, X_OK, R_OK | W_OK | X_OK])
  tellSync(`access ${flags}`, () => fs.accessSync('a', flags));
tellSync('access of nothing', () => fs.accessSync('missing'));
fs.chmodSync('a', 0o644);
tellSync('no execution', () => fs.accessSync('a', X_OK));
tellSync('folder', () => fs.accessSync('c', R_OK | W_OK | X_OK));
tellSync('mkdir recursive with a mode', () => {
  const first = fs.mkdirSync('x/y/z', { recursive: true, mode: 0o700 });
  return [first.split('/').pop(), mode('x'), mode('x/y/z')];
});
tellSync('mkdir recursive again', () => fs.mkdirSync('x/y/z', { recursive: true }));
tellSync('mkdir recursive over a file', () => fs.mkdirSync('a/b', { recursive: true }));
tellSync('mkdir again', () => fs.mkdirSync('x'));
process.umask(before);
