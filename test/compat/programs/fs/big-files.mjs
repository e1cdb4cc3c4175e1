import { createHash } from 'node:crypto';
import fs from 'node:fs';
import fsp from 'node:fs/promises';

const block = Buffer.alloc(1 << 20);
for (let i = 0; i < block.length; i += 4) block.writeUInt32LE((i * 2654435761) >>> 0, i);
const handle = await fsp.open('big', 'w+');
const hash = createHash('sha256');
for (let i = 0; i < 64; i += 1) {
  block[0] = i;
  hash.update(block);
  await handle.write(block, 0, block.length, i * block.length);
}
const expected = hash.digest('hex');
const read = createHash('sha256');
for await (const part of fs.createReadStream('big', { highWaterMark: 123_457 })) read.update(part);
console.log((await handle.stat()).size, read.digest('hex') === expected);
const odd = Buffer.alloc(5000);
console.log((await handle.read(odd, 0, 5000, 63 * (1 << 20) + (1 << 20) - 2500)).bytesRead);
await handle.close();
fs.truncateSync('big', 0);
console.log(fs.statSync('big').size, fs.statSync('big').blocks);
const many = 3000;
fs.mkdirSync('many');
for (let i = 0; i < many; i += 1) fs.writeFileSync(`many/${i}`, `${i}`);
console.log(fs.readdirSync('many').length, fs.readFileSync('many/2999', 'utf8'));
let depth = 'd';
for (let i = 0; i < 200; i += 1) depth += '/d';
fs.mkdirSync(depth, { recursive: true });
fs.writeFileSync(`${depth}/leaf`, 'leaf');
console.log(fs.readFileSync(`${depth}/leaf`, 'utf8'));
fs.rmSync('d', { recursive: true });
fs.rmSync('many', { recursive: true });
fs.rmSync('big');
console.log(fs.readdirSync('.'));
