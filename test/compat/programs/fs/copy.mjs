import fs from 'node:fs';
import { tell, tellSync } from '../support/tell.mjs';

const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = fs.constants;
fs.writeFileSync('a', 'content', { mode: 0o640 });
tellSync('copyFile', () => {
  fs.copyFileSync('a', 'b');
  return [fs.readFileSync('b', 'utf8'), fs.statSync('b').mode.toString(8)];
});
tellSync('over', () => {
  fs.writeFileSync('b', 'a longer content than before');
  fs.copyFileSync('a', 'b');
  return fs.readFileSync('b', 'utf8');
});
tellSync('exclusive', () => fs.copyFileSync('a', 'b', COPYFILE_EXCL));
tellSync('clone if possible', () => fs.copyFileSync('a', 'c', COPYFILE_FICLONE));
tellSync('clone by force', () => fs.copyFileSync('a', 'd', COPYFILE_FICLONE_FORCE));
tellSync('to itself', () => {
  fs.copyFileSync('a', 'a');
  return fs.readFileSync('a', 'utf8');
});
tellSync('of a folder', () => fs.copyFileSync('.', 'e'));
tellSync('to a folder', () => {
  fs.mkdirSync('folder');
  fs.copyFileSync('a', 'folder');
});
tellSync('of nothing', () => fs.copyFileSync('missing', 'e'));
await tell('big', async () => {
  const data = Buffer.alloc(5_000_001, 'abcdefg');
  fs.writeFileSync('big', data);
  await fs.promises.copyFile('big', 'big2');
  return fs.readFileSync('big2').equals(data);
});
await tell('from /proc', async () => {
  await fs.promises.copyFile('/proc/self/cmdline', 'cmdline');
  return fs.readFileSync('cmdline').length > 0;
});
