// OpenSSL: hashes, HMAC, AES-GCM, key derivation, signatures that are checked.

const crypto = require('node:crypto');

const kData = Buffer.alloc(1 << 20, 'The quick brown fox. ');
const kKey = Buffer.alloc(32, 7);
const kIv = Buffer.alloc(12, 9);
const kSigner = crypto.createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), kKey]),
  format: 'der',
  type: 'pkcs8',
});

function encrypt() {
  const cipher = crypto.createCipheriv('aes-256-gcm', kKey, kIv);
  const sealed = Buffer.concat([cipher.update(kData), cipher.final()]);
  const decipher = crypto.createDecipheriv('aes-256-gcm', kKey, kIv).setAuthTag(cipher.getAuthTag());
  const opened = Buffer.concat([decipher.update(sealed), decipher.final()]);
  return sealed[1000] + opened[1000];
}

function work() {
  let sum = 0;
  for (let n = 0; n < 60; n += 1) {
    sum += crypto.createHash('sha256').update(kData).digest()[n % 32];
    sum += crypto.createHmac('sha512', kKey).update(kData).digest()[n % 32];
    sum += encrypt();
  }
  for (let n = 0; n < 2000; n += 1) sum += crypto.createHash('sha1').update(`text ${n}`).digest()[0];
  sum += crypto.pbkdf2Sync('password', 'salt', 120_000, 32, 'sha256')[3];
  sum += crypto.scryptSync('password', 'salt', 32, { N: 4096 })[5];
  for (let n = 0; n < 200; n += 1) {
    const message = Buffer.from(`message ${n}`);
    const signature = crypto.sign(null, message, kSigner);
    sum += signature[7] + (crypto.verify(null, message, crypto.createPublicKey(kSigner), signature) ? 1 : 1e9);
  }
  return sum;
}

exports.work = work;
