import crypto from 'node:crypto';
import { promisify } from 'node:util';
import { tell } from '../support/tell.mjs';

const key = Buffer.alloc(32, 1);
const data = Buffer.from('some data to be hashed and encrypted');
for (const name of ['md5', 'sha1', 'sha256', 'sha512', 'sha3-256', 'blake2b512', 'ripemd160', 'shake256']) {
  await tell(name, () => crypto.createHash(name).update(data).digest('hex'));
}
await tell('hashes', () => crypto.getHashes().length);
await tell('hash', () => crypto.hash?.('sha1', 'abc') ?? 'absent');
await tell('hmac', () => crypto.createHmac('sha256', key).update(data).digest('base64'));
await tell('unknown hash', () => crypto.createHash('nope'));
for (const name of [
  'aes-256-cbc',
  'aes-256-ctr',
  'aes-256-gcm',
  'chacha20-poly1305',
  'aes-256-ocb',
  'aes-128-ccm',
  'camellia-256-cbc',
  'aes-256-xts',
]) {
  await tell(name, () => {
    const { keyLength, ivLength, mode } = crypto.getCipherInfo(name);
    const iv = Buffer.alloc(ivLength ?? 0, 2);
    const secret = Buffer.from(Array.from({ length: keyLength }, (_, i) => i));
    const aead = ['gcm', 'ocb', 'ccm'].includes(mode) || name.startsWith('chacha');
    const options = aead ? { authTagLength: 16 } : {};
    const cipher = crypto.createCipheriv(name, secret, mode === 'ccm' ? iv.subarray(0, 12) : iv, options);
    if (mode === 'ccm') cipher.setAAD(Buffer.from('aad'), { plaintextLength: data.length });
    const sealed = Buffer.concat([cipher.update(data), cipher.final()]);
    const tag = aead ? cipher.getAuthTag() : undefined;
    const decipher = crypto.createDecipheriv(name, secret, mode === 'ccm' ? iv.subarray(0, 12) : iv, options);
    if (tag) decipher.setAuthTag(tag);
    if (mode === 'ccm') decipher.setAAD(Buffer.from('aad'), { plaintextLength: sealed.length });
    const opened = Buffer.concat([decipher.update(sealed), decipher.final()]);
    return [sealed.toString('hex'), tag?.toString('hex'), opened.equals(data)];
  });
}
await tell('forged', () => {
  const cipher = crypto.createCipheriv('aes-256-gcm', key, Buffer.alloc(12));
  cipher.update(data);
  cipher.final();
  const decipher = crypto.createDecipheriv('aes-256-gcm', key, Buffer.alloc(12));
  decipher.setAuthTag(Buffer.alloc(16));
  decipher.update(data);
  decipher.final();
});
await tell('pbkdf2', async () => (await promisify(crypto.pbkdf2)('pw', 'salt', 1000, 32, 'sha512')).toString('hex'));
await tell('scrypt', async () => (await promisify(crypto.scrypt)('pw', 'salt', 32, { N: 1024 })).toString('hex'));
await tell('scrypt beyond its memory', () => crypto.scryptSync('pw', 'salt', 32, { N: 2 ** 20 }));
await tell('hkdf', () => Buffer.from(crypto.hkdfSync('sha256', 'key', 'salt', 'info', 24)).toString('hex'));
await tell('argon2', () => {
  if (crypto.argon2Sync === undefined) return 'absent';
  return crypto
    .argon2Sync('argon2id', {
      message: 'pw',
      nonce: Buffer.alloc(16, 1),
      parallelism: 2,
      tagLength: 24,
      memory: 256,
      passes: 2,
    })
    .toString('hex');
});
await tell('timingSafeEqual', () => [
  crypto.timingSafeEqual(key, Buffer.alloc(32, 1)),
  crypto.timingSafeEqual(key, Buffer.alloc(32)),
]);
await tell('random', async () => {
  const sizes = [
    crypto.randomBytes(100).length,
    (await promisify(crypto.randomBytes)(70_000)).length,
    crypto.randomUUID().length,
  ];
  const distinct = new Set(Array.from({ length: 1000 }, () => crypto.randomBytes(8).toString('hex'))).size;
  const numbers = Array.from({ length: 200 }, () => crypto.randomInt(5, 10));
  return [
    sizes,
    distinct,
    Math.min(...numbers),
    Math.max(...numbers),
    crypto.randomFillSync(Buffer.alloc(16)).some((byte) => byte > 0),
  ];
});
await tell('primes', async () => {
  const prime = await promisify(crypto.generatePrime)(64, { bigint: true });
  return [crypto.checkPrimeSync(prime), crypto.checkPrimeSync(15n)];
});
await tell('as streams', async () => {
  const { Readable } = await import('node:stream');
  const parts = [];
  for await (const part of Readable.from([data, data]).pipe(crypto.createHash('sha1'))) parts.push(part);
  return Buffer.concat(parts).toString('hex');
});
await tell('100 at once', async () => {
  const keys = await Promise.all(
    Array.from({ length: 100 }, (_, i) => promisify(crypto.pbkdf2)(`p${i}`, 's', 50, 16, 'sha1')),
  );
  return keys[99].toString('hex');
});
await tell('fips', () => [crypto.getFips(), typeof crypto.constants.defaultCoreCipherList, crypto.getCiphers().length]);
await tell('secureHeapUsed', () => crypto.secureHeapUsed());
