import fsp from 'node:fs/promises';
import { tell } from '../support/tell.mjs';

const handle = await fsp.open('file', 'w+');
await tell('write', async () => (await handle.write('hello')).bytesWritten);
await tell('write at', async () => (await handle.write(Buffer.from('J'), 0, 1, 0)).bytesWritten);
await tell('writev', async () => (await handle.writev([Buffer.from(' wor'), Buffer.from('ld\n')])).bytesWritten);
await tell('appendFile', () => handle.appendFile('second\nthird'));
await tell('read', async () => {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(5), 0, 5, 0);
  return [bytesRead, buffer.toString()];
});
await tell('readv', async () => {
  const { bytesRead, buffers } = await handle.readv([Buffer.alloc(2), Buffer.alloc(3)], 6);
  return [bytesRead, buffers.map(String)];
});
await tell('stat', async () => (await handle.stat()).size);
await tell('truncate', async () => {
  await handle.truncate(18);
  return (await handle.stat()).size;
});
await tell('sync', () => handle.sync());
await tell('datasync', () => handle.datasync());
await tell('chmod', () => handle.chmod(0o600));
await tell('utimes', () => handle.utimes(1, 2));
await handle.close();
await tell('closed', () => handle.read());
await tell('lines', async () => {
  const lines = [];
  const reader = await fsp.open('file');
  for await (const line of reader.readLines()) lines.push(line);
  return lines;
});
await tell('read stream', async () => {
  const reader = await fsp.open('file');
  const parts = [];
  for await (const part of reader.createReadStream({ start: 2, end: 6, highWaterMark: 2 })) parts.push(String(part));
  return parts;
});
await tell('web stream', async () => {
  const reader = await fsp.open('file');
  let text = '';
  for await (const part of reader.readableWebStream()) text += Buffer.from(part).toString();
  await reader.close();
  return text.length;
});
await tell('readFile with a signal', () => fsp.readFile('file', { signal: AbortSignal.abort() }));
await tell('readFile', () => fsp.readFile('file', 'utf8'));
await tell('writeFile of an iterable', async () => {
  await fsp.writeFile(
    'iterated',
    (async function* () {
      yield 'a';
      yield 'bc';
    })(),
  );
  return fsp.readFile('iterated', 'utf8');
});
await tell('mkdtemp', async () => {
  const names = await Promise.all(Array.from({ length: 20 }, () => fsp.mkdtemp('t-')));
  return [
    new Set(names).size,
    names.every((name) => /^t-\w{6}$/.test(name)),
    ((await fsp.stat(names[0])).mode & 0o777).toString(8),
  ];
});
await tell('mkdtemp in nothing', () => fsp.mkdtemp('missing/t-').catch((error) => [error.code, error.syscall]));
await tell('100 at once', async () => {
  await Promise.all(Array.from({ length: 100 }, (_, i) => fsp.writeFile(`n-${i}`, String(i))));
  const texts = await Promise.all(Array.from({ length: 100 }, (_, i) => fsp.readFile(`n-${i}`, 'utf8')));
  return texts.every((text, i) => text === String(i));
});
await tell('statfs', async () => {
  const { bsize, blocks, bfree, bavail } = await fsp.statfs('.');
  return [bsize, blocks > 0, bfree <= blocks, bavail <= bfree];
});
await tell('access', () => fsp.access('missing'));
await tell('unlink', () => fsp.unlink('missing'));
await tell('cp', () => fsp.cp('missing', 'x').catch((error) => error.code));
