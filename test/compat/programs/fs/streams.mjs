import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { once, tell } from '../support/tell.mjs';

const hash = (data) => createHash('sha1').update(data).digest('hex');
const data = randomBytes(3_000_000);
fs.writeFileSync('in', data);
await tell('copy', async () => {
  await pipeline(fs.createReadStream('in'), fs.createWriteStream('out'));
  return hash(fs.readFileSync('out')) === hash(data);
});
await tell('through gzip and back', async () => {
  await pipeline(
    fs.createReadStream('in'),
    zlib.createGzip({ level: 1 }),
    zlib.createGunzip(),
    fs.createWriteStream('out'),
  );
  return hash(fs.readFileSync('out')) === hash(data);
});
await tell('range', async () => {
  const parts = [];
  for await (const part of fs.createReadStream('in', { start: 1000, end: 200_999 })) parts.push(part);
  return Buffer.concat(parts).equals(data.subarray(1000, 201_000));
});
await tell('write at', async () => {
  fs.writeFileSync('at', '0123456789');
  const stream = fs.createWriteStream('at', { flags: 'r+', start: 3 });
  stream.end('abc');
  await once(stream, 'close');
  return [fs.readFileSync('at', 'utf8'), stream.bytesWritten];
});
await tell('backpressure', async () => {
  const stream = fs.createWriteStream('pressure', { highWaterMark: 1000 });
  let drains = 0;
  for (let i = 0; i < 20; i += 1) {
    if (!stream.write(Buffer.alloc(600, i))) {
      await once(stream, 'drain');
      drains += 1;
    }
  }
  stream.end();
  await once(stream, 'finish');
  return [drains, fs.statSync('pressure').size];
});
await tell('missing', () => pipeline(fs.createReadStream('missing'), fs.createWriteStream('x')));
await tell('events', async () => {
  const seen = [];
  const stream = fs.createReadStream('at');
  for (const event of ['open', 'ready', 'data', 'end', 'close']) stream.on(event, () => seen.push(event));
  await once(stream, 'close');
  return seen;
});
await tell('destroyed in the middle', async () => {
  const stream = fs.createReadStream('in', { highWaterMark: 1000 });
  await once(stream, 'data');
  stream.destroy(new Error('enough'));
  const error = await once(stream, 'error');
  return error.message;
});
await tell('append', async () => {
  for (const text of ['x', 'y']) {
    const stream = fs.createWriteStream('at', { flags: 'a' });
    stream.end(text);
    await once(stream, 'close');
  }
  return fs.readFileSync('at', 'utf8');
});
await tell('aborted', async () => {
  const control = new AbortController();
  const stream = fs.createReadStream('in', { signal: control.signal, highWaterMark: 100 });
  stream.once('data', () => control.abort());
  return (await once(stream, 'error')).name;
});
