import fs from 'node:fs';
import { tell, tellSync } from '../support/tell.mjs';

fs.mkdirSync('tree/a/b', { recursive: true });
for (let i = 0; i < 300; i += 1) fs.writeFileSync(`tree/file-${i}`, '');
fs.writeFileSync('tree/a/x', '1');
fs.writeFileSync('tree/a/b/y', '2');
fs.symlinkSync('a', 'tree/link');
tellSync('readdir', () => fs.readdirSync('tree').sort().join().length);
tellSync('types', () =>
  fs
    .readdirSync('tree', { withFileTypes: true })
    .filter((entry) => !entry.isFile())
    .map((entry) => [entry.name, entry.isDirectory(), entry.isSymbolicLink(), entry.parentPath ?? 'none'].join())
    .sort(),
);
tellSync('recursive', () => fs.readdirSync('tree', { recursive: true }).sort().slice(0, 5));
tellSync('of a file', () => fs.readdirSync('tree/a/x'));
tellSync('of nothing', () => fs.readdirSync('missing'));
await tell('opendir', async () => {
  const names = [];
  for await (const entry of await fs.promises.opendir('tree', { bufferSize: 7 })) names.push(entry.name);
  return [names.length, new Set(names).size];
});
tellSync('opendirSync', () => {
  const folder = fs.opendirSync('tree/a');
  const names = [];
  for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) names.push(entry.name);
  const again = folder.readSync();
  folder.closeSync();
  return [names.sort(), again];
});
tellSync('a closed Dir', () => {
  const folder = fs.opendirSync('tree/a');
  folder.closeSync();
  folder.closeSync();
});
tellSync('entries made and removed while reading', () => {
  fs.mkdirSync('busy');
  for (let i = 0; i < 50; i += 1) fs.writeFileSync(`busy/${i}`, '');
  const folder = fs.opendirSync('busy', { bufferSize: 1 });
  const names = new Set();
  for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
    names.add(entry.name);
    fs.unlinkSync(`busy/${entry.name}`);
  }
  folder.closeSync();
  return [names.size, fs.readdirSync('busy').length];
});
tellSync('rmdir', () => fs.rmdirSync('busy'));
tellSync('rmdir of a full one', () => fs.rmdirSync('tree'));
tellSync('rmdir of a file', () => fs.rmdirSync('tree/a/x'));
tellSync('rm without recursive', () => fs.rmSync('tree'));
tellSync('rm of nothing', () => fs.rmSync('missing'));
tellSync('rm of nothing, by force', () => fs.rmSync('missing', { force: true }));
tellSync('cp', () => {
  fs.cpSync('tree', 'copy', { recursive: true, verbatimSymlinks: true });
  return [fs.readdirSync('copy').length, fs.readFileSync('copy/a/b/y', 'utf8'), fs.readlinkSync('copy/link')];
});
tellSync('cp without recursive', () => fs.cpSync('tree', 'copy2'));
tellSync('cp with a filter', () => {
  fs.cpSync('tree', 'copy3', { recursive: true, filter: (name) => !name.includes('file-') });
  return fs.readdirSync('copy3').sort();
});
tellSync('cp into itself', () => fs.cpSync('tree', 'tree/inner', { recursive: true }));
tellSync('nlink', () => [fs.statSync('tree').nlink, fs.statSync('tree/a/b').nlink]);
tellSync('rm recursive', () => {
  fs.rmSync('tree', { recursive: true });
  return fs.existsSync('tree');
});
await tell('glob', async () => {
  if (fs.globSync === undefined) return 'absent';
  return fs.globSync('copy/**/{x,y}').sort();
});
