import fs from 'node:fs';
import { tellSync } from '../support/tell.mjs';

const short = ({ message, ...rest }) => ({ ...rest, message: message.slice(0, 40) });
function step(name, run) {
  tellSync(name, () => {
    try {
      return run();
    } catch (error) {
      return short({ code: error.code, syscall: error.syscall, message: error.message });
    }
  });
}
step('255 bytes', () => fs.writeFileSync('a'.repeat(255), 'x'));
step('256 bytes', () => fs.writeFileSync('a'.repeat(256), 'x'));
step('255 bytes of UTF-8', () => fs.writeFileSync('é'.repeat(127), 'x'));
step('256 bytes of UTF-8', () => fs.writeFileSync('é'.repeat(128), 'x'));
step('mkdir of 256', () => fs.mkdirSync('b'.repeat(256)));
step('a long path', () => fs.statSync('./'.repeat(2047)).isDirectory());
step('too long a path', () => fs.statSync('./'.repeat(2048)));
step('a NUL', () => fs.writeFileSync('a\0b', 'x'));
step('stat with a NUL', () => fs.existsSync('a\0b'));
for (const name of ['with space', 'tab\t', 'new\nline', '日本語', '🎉', '-dash', '*', '\\', '"', "'", '..a', '...']) {
  step(JSON.stringify(name), () => {
    fs.writeFileSync(name, name);
    return fs.readFileSync(name, 'utf8') === name && fs.readdirSync('.').includes(name);
  });
}
step('bytes that are no UTF-8', () => {
  fs.writeFileSync(Buffer.from([0x66, 0xff, 0xfe]), 'x');
  return fs.readdirSync('.', 'buffer').some((name) => name.equals(Buffer.from([0x66, 0xff, 0xfe])));
});
step('Buffer and URL', () => {
  fs.writeFileSync(Buffer.from('buffer'), 'b');
  return fs.readFileSync(new URL(`file://${process.cwd()}/buffer`), 'utf8');
});
step('mkdir of .', () => fs.mkdirSync('.'));
step('mkdir of ..', () => fs.mkdirSync('..'));
step('rmdir of .', () => fs.rmdirSync('.'));
step('rename to .', () => fs.renameSync('buffer', '.'));
step('mkdir with a slash', () => fs.mkdirSync('slash/'));
step('rmdir with slashes', () => fs.rmdirSync('slash///'));
step('many slashes', () => fs.statSync('.///./buffer').size);
step('a file as a folder', () => fs.statSync('buffer/..'));
step('mkdir below a file', () => fs.mkdirSync('buffer/x'));
