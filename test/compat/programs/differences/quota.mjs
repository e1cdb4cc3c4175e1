import fs from 'node:fs';

const block = Buffer.alloc(1 << 20, 1);
const result = { written: 0 };
const fd = fs.openSync('full', 'w');
try {
  for (;;) result.written += fs.writeSync(fd, block) / block.length;
} catch ({ code, syscall }) {
  result.error = [code, syscall];
}
fs.closeSync(fd);
try {
  fs.writeFileSync('other', block);
} catch ({ code }) {
  result.other = code;
}
result.asynchronous = await fs.promises.writeFile('another', block).catch(({ code }) => code);
const stream = fs.createWriteStream('stream');
stream.end(block);
result.stream = await new Promise((resolve) => stream.on('error', ({ code }) => resolve(code)));
const { bavail } = fs.statfsSync('.');
result.free = bavail;
for (const name of ['full', 'other', 'another', 'stream']) fs.rmSync(name, { force: true });
fs.writeFileSync('after', block);
result.after = fs.statSync('after').size;
export default result;
