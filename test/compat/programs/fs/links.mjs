import fs from 'node:fs';
import path from 'node:path';
import { tellSync } from '../support/tell.mjs';

fs.writeFileSync('file', 'content');
fs.mkdirSync('folder');
fs.linkSync('file', 'hard');
fs.symlinkSync('file', 'soft');
fs.symlinkSync('../file', 'folder/up');
fs.symlinkSync('folder', 'to-folder');
fs.symlinkSync('loop-b', 'loop-a');
fs.symlinkSync('loop-a', 'loop-b');
fs.symlinkSync('self/self', 'self');
tellSync('nlink', () => fs.statSync('file').nlink);
tellSync('same inode', () => fs.statSync('file').ino === fs.statSync('hard').ino);
tellSync('through a soft link', () => fs.readFileSync('soft', 'utf8'));
tellSync('upwards', () => fs.readFileSync('to-folder/up', 'utf8'));
tellSync('readlink', () => [fs.readlinkSync('soft'), fs.readlinkSync('folder/up'), fs.readlinkSync('soft', 'buffer')]);
tellSync('lstat', () => [
  fs.lstatSync('soft').isSymbolicLink(),
  fs.lstatSync('soft').size,
  (fs.lstatSync('soft').mode & 0o777).toString(8),
]);
tellSync('readlink of a file', () => fs.readlinkSync('file'));
tellSync('loop', () => fs.readFileSync('loop-a'));
tellSync('stat of a loop', () => fs.statSync('loop-a'));
tellSync('self', () => fs.openSync('self', 'r'));
tellSync('loop in the middle', () => fs.readFileSync('loop-a/x'));
tellSync('lstat of a loop', () => fs.lstatSync('loop-a').isSymbolicLink());
tellSync('realpath', () => path.relative('.', fs.realpathSync('to-folder/up')));
tellSync('native realpath', () => path.relative(fs.realpathSync.native('.'), fs.realpathSync.native('to-folder/up')));
tellSync('realpath of a loop', () => fs.realpathSync.native('loop-a'));
tellSync('link over', () => fs.linkSync('file', 'hard'));
tellSync('link of nothing', () => fs.linkSync('missing', 'new'));
tellSync('link of a folder', () => fs.linkSync('folder', 'folder-hard'));
tellSync('link of a link', () => {
  fs.linkSync('soft', 'soft-hard');
  return fs.lstatSync('soft-hard').isSymbolicLink();
});
tellSync('symlink over', () => fs.symlinkSync('x', 'file'));
tellSync('empty symlink', () => fs.symlinkSync('', 'empty'));
tellSync('unlink a link', () => {
  fs.unlinkSync('hard');
  return fs.statSync('file').nlink;
});
tellSync('unlink a folder', () => fs.unlinkSync('folder'));
tellSync('unlinked but open', () => {
  const fd = fs.openSync('file', 'r+');
  fs.unlinkSync('file');
  const facts = [fs.existsSync('file'), fs.fstatSync(fd).nlink, fs.readFileSync(fd, 'utf8')];
  fs.writeSync(fd, 'more');
  facts.push(fs.fstatSync(fd).size);
  fs.closeSync(fd);
  return facts;
});
let chain = 'soft-0';
fs.writeFileSync(chain, 'end');
for (let i = 1; i <= 45; i += 1) {
  fs.symlinkSync(chain, `soft-${i}`);
  chain = `soft-${i}`;
}
tellSync('40 links', () => fs.readFileSync('soft-40', 'utf8'));
tellSync('41 links', () => fs.readFileSync('soft-41', 'utf8'));
