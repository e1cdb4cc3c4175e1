import buffer from 'node:buffer';
import { tell } from '../support/tell.mjs';

await tell('200 MB', () => {
  const big = Buffer.alloc(200_000_000);
  big[199_999_999] = 1;
  big.fill('x', 100_000_000, 100_000_100);
  return [big.length, big.indexOf(1), big.indexOf('x')];
});
await tell('too large for V8', () => Buffer.alloc(2 ** 53));
await tell('too long a string', () => 'x'.repeat(2 ** 30));
await tell('constants', () => [buffer.constants.MAX_LENGTH, buffer.constants.MAX_STRING_LENGTH, Buffer.poolSize]);
await tell('encodings', () =>
  ['utf8', 'utf16le', 'latin1', 'ascii', 'hex', 'base64', 'base64url'].map((encoding) =>
    Buffer.from('héllo €🎉').toString(encoding),
  ),
);
await tell('parsing', () => [Buffer.from('zz', 'hex'), Buffer.from('aGk', 'base64'), Buffer.from('ÿ', 'latin1')]);
await tell('numbers', () => {
  const bytes = Buffer.alloc(40);
  bytes.writeDoubleBE(Math.PI, 0);
  bytes.writeBigUInt64LE(2n ** 63n, 8);
  bytes.writeIntBE(-5, 16, 6);
  bytes.writeFloatLE(1.5, 22);
  return [bytes.toString('hex'), bytes.readDoubleBE(0), bytes.readBigUInt64LE(8), bytes.readIntBE(16, 6)];
});
await tell('out of range', () => Buffer.alloc(4).readUInt32LE(1));
await tell('search', () => {
  const text = Buffer.from('abcabcabc');
  return [text.indexOf('bc', 2), text.lastIndexOf('abc'), text.includes('cab'), text.indexOf('')];
});
await tell('swap', () => [Buffer.from([1, 2, 3, 4]).swap16(), Buffer.from([1, 2, 3, 4]).swap32()]);
await tell('transcode', () => buffer.transcode(Buffer.from('€'), 'utf8', 'utf16le'));
await tell('isUtf8', () => [
  buffer.isUtf8(Buffer.from('é')),
  buffer.isUtf8(Buffer.from([0xff])),
  buffer.isAscii(Buffer.from('a')),
]);
await tell('resizable', () => {
  const resizable = new ArrayBuffer(10, { maxByteLength: 100_000 });
  const view = new Uint8Array(resizable);
  resizable.resize(90_000);
  view[89_999] = 5;
  resizable.resize(5);
  return [view.length, resizable.resizable];
});
await tell('garbage is collected', () => {
  for (let i = 0; i < 100; i += 1) Buffer.allocUnsafe(5_000_000);
  return true;
});
await tell('many objects', () => {
  const map = new Map();
  for (let i = 0; i < 100_000; i += 1) map.set(`key ${i}`, { i });
  return map.get('key 99999').i;
});
await tell('FinalizationRegistry', async () => {
  const v8 = await import('node:v8');
  const vm = await import('node:vm');
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc');
  const references = Array.from({ length: 100 }, (_, i) => new WeakRef({ i }));
  let registry;
  const finalized = new Promise((resolve) => {
    registry = new FinalizationRegistry(resolve);
    registry.register({}, 'finalized');
  });
  await new Promise((resolve) => setTimeout(resolve, 1));
  collect();
  const live = references.filter((reference) => reference.deref() !== undefined).length;
  return [live, await finalized, registry instanceof FinalizationRegistry];
});
