import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { once, tell } from '../support/tell.mjs';

const text = Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(5000));
const sum = (data) => zlib.crc32?.(data) ?? 'absent';
for (const [pack, unpack] of [
  ['gzip', 'gunzip'],
  ['deflate', 'inflate'],
  ['deflateRaw', 'inflateRaw'],
  ['brotliCompress', 'brotliDecompress'],
  ['zstdCompress', 'zstdDecompress'],
]) {
  await tell(pack, async () => {
    if (zlib[pack] === undefined) return 'absent';
    const packed = zlib[`${pack}Sync`](text);
    const also = await promisify(zlib[pack])(text);
    const back = await promisify(zlib[unpack])(packed);
    return [packed.length, packed.equals(also), back.equals(text), packed.subarray(0, 20).toString('hex')];
  });
}
for (const level of [0, 1, 6, 9]) await tell(`level ${level}`, () => zlib.gzipSync(text, { level }).length);
await tell('brotli quality', () =>
  [1, 5, 11].map(
    (quality) => zlib.brotliCompressSync(text, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: quality } }).length,
  ),
);
await tell('crc32', () => [sum('abc'), sum(text)]);
await tell('dictionary', () => {
  const dictionary = Buffer.from('quick brown fox');
  const packed = zlib.deflateSync(Buffer.from('quick brown fox jumps'), { dictionary });
  return [packed.length, String(zlib.inflateSync(packed, { dictionary }))];
});
await tell('missing dictionary', () => zlib.inflateSync(zlib.deflateSync('x', { dictionary: Buffer.from('abc') })));
await tell('corrupt', () => zlib.gunzipSync(Buffer.from('not gzip at all')));
await tell('truncated', () => zlib.gunzipSync(zlib.gzipSync(text).subarray(0, 100)));
await tell('maxOutputLength', () => zlib.gunzipSync(zlib.gzipSync(text), { maxOutputLength: 100 }));
await tell('flush', async () => {
  const packer = zlib.createGzip();
  const parts = [];
  packer.on('data', (part) => parts.push(part));
  packer.write('first');
  await new Promise((resolve) => packer.flush(resolve));
  const early = Buffer.concat(parts).length > 10;
  packer.end('second');
  await once(packer, 'end');
  return [early, String(zlib.gunzipSync(Buffer.concat(parts)))];
});
await tell('many members', () => String(zlib.gunzipSync(Buffer.concat([zlib.gzipSync('a'), zlib.gzipSync('b')]))));
await tell('50 at once', async () => {
  const packed = await Promise.all(Array.from({ length: 50 }, (_, i) => promisify(zlib.deflate)(`text ${i}`)));
  return packed.every((data, i) => String(zlib.inflateSync(data)) === `text ${i}`);
});
