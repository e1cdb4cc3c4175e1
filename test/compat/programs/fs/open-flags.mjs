import fs from 'node:fs';
import { tellSync } from '../support/tell.mjs';

fs.writeFileSync('there', '0123456789');
for (const flag of ['r', 'rs', 'r+', 'rs+', 'w', 'wx', 'w+', 'wx+', 'a', 'ax', 'a+', 'ax+', 'as', 'as+']) {
  for (const name of ['there', 'missing']) {
    tellSync(`${flag} ${name}`, () => {
      const fd = fs.openSync(name, flag);
      const facts = [];
      try {
        facts.push(fs.writeSync(fd, 'AB'));
      } catch (error) {
        facts.push(error.code);
      }
      try {
        facts.push(fs.readSync(fd, Buffer.alloc(4), 0, 4, 0));
      } catch (error) {
        facts.push(error.code);
      }
      fs.closeSync(fd);
      return [...facts, fs.readFileSync(name, 'latin1')].join(' ');
    });
    fs.rmSync('missing', { force: true });
    fs.writeFileSync('there', '0123456789');
  }
}
const {
  O_RDONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_TRUNC,
  O_APPEND,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_SYNC,
  O_DSYNC,
  O_NOATIME,
  O_NONBLOCK,
  O_WRONLY,
} = fs.constants;
fs.mkdirSync('folder');
fs.symlinkSync('there', 'link');
fs.symlinkSync('nowhere', 'dangling');
const numeric = [
  ['there', O_RDONLY | O_DIRECTORY],
  ['folder', O_RDONLY | O_DIRECTORY],
  ['folder', O_RDONLY],
  ['folder', O_RDWR],
  ['folder', O_WRONLY],
  ['folder', O_RDWR | O_CREAT],
  ['link', O_RDONLY | O_NOFOLLOW],
  ['link', O_RDONLY],
  ['dangling', O_RDONLY],
  ['dangling', O_RDWR | O_CREAT | O_EXCL],
  ['dangling', O_RDWR | O_CREAT],
  ['there', O_RDWR | O_TRUNC],
  ['there', O_RDONLY | O_TRUNC],
  ['there', O_RDWR | O_SYNC],
  ['there', O_RDWR | O_DSYNC],
  ['there', O_RDONLY | O_NOATIME],
  ['there', O_RDONLY | O_NONBLOCK],
  ['there', O_WRONLY | O_APPEND],
  ['there/', O_RDONLY],
  ['there/x', O_RDONLY],
  ['folder/', O_RDONLY],
  ['new/', O_RDWR | O_CREAT],
  ['', O_RDONLY],
  ['.', O_RDONLY],
  ['no/such/folder', O_RDWR | O_CREAT],
];
for (const [name, flags] of numeric) {
  tellSync(`${name} ${flags.toString(8)}`, () => {
    const fd = fs.openSync(name, flags);
    const { size } = fs.fstatSync(fd);
    const kind = fs.fstatSync(fd).isDirectory() ? 'folder' : size;
    fs.closeSync(fd);
    return kind;
  });
}
const append = fs.openSync('there', 'a');
fs.writeSync(append, 'x', 0);
fs.writeSync(append, Buffer.from('yz'), 0, 2, 0);
fs.closeSync(append);
console.log(fs.readFileSync('there', 'latin1'));
