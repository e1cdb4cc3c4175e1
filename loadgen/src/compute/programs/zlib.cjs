// Compression and decompression of half a megabyte of text: gzip, raw deflate, brotli.

const {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
} = require('node:zlib');

function text() {
  const lines = [];
  let value = 1;
  for (let n = 0; n < 9000; n += 1) {
    value = (Math.imul(value, 1_103_515_245) + 12_345) >>> 0;
    lines.push(`${n};${value};${['red', 'green', 'blue'][value % 3]};Some text that comes again, item ${value % 101}`);
  }
  return Buffer.from(lines.join('\n'));
}

const kText = text();
const kBrotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

function fold(bytes) {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 101) sum += bytes[at];
  return sum;
}

function work() {
  let sum = 0;
  for (let n = 0; n < 14; n += 1) {
    const zipped = gzipSync(kText);
    sum += zipped.length + fold(gunzipSync(zipped));
    const raw = deflateRawSync(kText, { level: 1 });
    sum += raw.length + fold(inflateRawSync(raw));
    const packed = brotliCompressSync(kText, kBrotli);
    sum += packed.length + fold(brotliDecompressSync(packed));
  }
  return sum;
}

exports.work = work;
