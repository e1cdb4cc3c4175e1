import fs from 'node:fs';
import { tellSync } from '../support/tell.mjs';

const list = () => fs.readdirSync('.', { recursive: true }).sort().join(' ');
fs.writeFileSync('a', 'A');
fs.writeFileSync('b', 'B');
fs.mkdirSync('empty');
fs.mkdirSync('full');
fs.writeFileSync('full/x', 'X');
tellSync('file over file', () => {
  const fd = fs.openSync('b', 'r');
  fs.renameSync('a', 'b');
  const facts = [fs.readFileSync('b', 'utf8'), fs.readFileSync(fd, 'utf8'), fs.fstatSync(fd).nlink];
  fs.closeSync(fd);
  return facts;
});
tellSync('to itself', () => fs.renameSync('b', 'b'));
tellSync('to another name of itself', () => {
  fs.linkSync('b', 'c');
  fs.renameSync('b', 'c');
  return list();
});
tellSync('file over folder', () => fs.renameSync('b', 'empty'));
tellSync('folder over file', () => fs.renameSync('empty', 'b'));
tellSync('folder over a full folder', () => fs.renameSync('empty', 'full'));
tellSync('folder over an empty folder', () => {
  fs.renameSync('full', 'empty');
  return list();
});
tellSync('into itself', () => fs.renameSync('empty', 'empty/inner'));
tellSync('of nothing', () => fs.renameSync('missing', 'x'));
tellSync('into nothing', () => fs.renameSync('b', 'missing/x'));
tellSync('open folder keeps its identity', () => {
  const folder = fs.opendirSync('empty');
  fs.renameSync('empty', 'other');
  const names = [folder.readSync()?.name, folder.readSync()];
  folder.closeSync();
  return [names, list()];
});
tellSync('cwd follows', () => {
  fs.mkdirSync('deep/er', { recursive: true });
  const before = process.cwd();
  process.chdir('deep/er');
  fs.renameSync('../../deep', '../../moved');
  const now = process.cwd().slice(before.length);
  process.chdir(before);
  return now;
});
tellSync('parent of a moved folder', () => {
  fs.mkdirSync('p/q', { recursive: true });
  fs.mkdirSync('r');
  fs.renameSync('p/q', 'r/q');
  return fs.statSync('r/q/..').ino === fs.statSync('r').ino;
});
