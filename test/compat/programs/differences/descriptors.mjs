import fs from 'node:fs';
import net from 'node:net';

const open = [];
const result = {};
try {
  for (;;) open.push(fs.openSync('/dev/null', 'r'));
} catch ({ code, syscall, message }) {
  result.file = [code, syscall, message];
}
result.highest = open.at(-1);
result.socket = await new Promise((resolve) => net.connect(9, '127.0.0.1').on('error', ({ code }) => resolve(code)));
result.folder = await fs.promises.readdir('.').catch(({ code }) => code);
for (const fd of open) fs.closeSync(fd);
result.again = fs.readdirSync('.');
export default result;
