import crypto from 'node:crypto';
import { promisify } from 'node:util';
import { tell } from '../support/tell.mjs';
import { caCertificate, clientCertificate, serverCertificate, serverKey } from '../support/tls.mjs';

const data = Buffer.from('to be signed');
const pairs = [
  ['rsa', { modulusLength: 1024 }],
  ['rsa-pss', { modulusLength: 1024, hashAlgorithm: 'sha256', saltLength: 32 }],
  ['ec', { namedCurve: 'P-384' }],
  ['ec', { namedCurve: 'secp256k1' }],
  ['ed25519', {}],
  ['ed448', {}],
  ['dsa', { modulusLength: 1024, divisorLength: 160 }],
  ['ml-dsa-44', {}],
];
for (const [type, options] of pairs) {
  await tell(`${type} ${options.namedCurve ?? ''}`, async () => {
    const { publicKey, privateKey } = await promisify(crypto.generateKeyPair)(type, options).catch((error) => ({
      publicKey: error,
    }));
    if (publicKey instanceof Error) return publicKey.code;
    const hash = type.startsWith('ed') || type.startsWith('ml') ? null : 'sha256';
    const signature = crypto.sign(hash, data, privateKey);
    const exported = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' });
    const again = crypto.createPrivateKey({ key: exported, passphrase: 'x' });
    return [
      crypto.verify(hash, data, publicKey, signature),
      crypto.verify(hash, Buffer.from('x'), publicKey, signature),
      publicKey.asymmetricKeyType,
      publicKey.asymmetricKeyDetails.namedCurve,
      crypto.createPublicKey(again).equals(publicKey),
    ];
  });
}
await tell('RSA encryption', () => {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 });
  const sealed = crypto.publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, Buffer.from('secret'));
  return [sealed.length, String(crypto.privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, sealed))];
});
for (const type of ['x25519', 'x448']) {
  await tell(type, () => {
    const [a, b] = [1, 2].map(() => crypto.generateKeyPairSync(type));
    const secret = crypto.diffieHellman({ privateKey: a.privateKey, publicKey: b.publicKey });
    return [secret.length, secret.equals(crypto.diffieHellman({ privateKey: b.privateKey, publicKey: a.publicKey }))];
  });
}
await tell('ECDH', () => {
  const [a, b] = [1, 2].map(() => crypto.createECDH('prime256v1'));
  a.generateKeys();
  b.generateKeys();
  return a.computeSecret(b.getPublicKey()).equals(b.computeSecret(a.getPublicKey()));
});
await tell('DiffieHellman', () => {
  const [a, b] = [1, 2].map(() => crypto.getDiffieHellman('modp14'));
  a.generateKeys();
  b.generateKeys();
  return a.computeSecret(b.getPublicKey()).equals(b.computeSecret(a.getPublicKey()));
});
await tell('X509', () => {
  const certificate = new crypto.X509Certificate(serverCertificate);
  const authority = new crypto.X509Certificate(caCertificate);
  return [
    certificate.subject,
    certificate.issuer,
    certificate.subjectAltName,
    certificate.checkHost('localhost'),
    certificate.checkIP('127.0.0.1'),
    certificate.verify(authority.publicKey),
    certificate.checkIssued(authority),
    certificate.ca,
    authority.ca,
    certificate.checkPrivateKey(crypto.createPrivateKey(serverKey)),
    new crypto.X509Certificate(clientCertificate).checkHost('other'),
    certificate.fingerprint256,
  ];
});
await tell('JWK', () => {
  const jwk = crypto.createPrivateKey(serverKey).export({ format: 'jwk' });
  return [jwk.crv, crypto.createPrivateKey({ key: jwk, format: 'jwk' }).asymmetricKeyType];
});
await tell('bad PEM', () => crypto.createPrivateKey('nonsense'));
await tell('curves', () => crypto.getCurves().length);
const { subtle } = crypto.webcrypto;
await tell('subtle ECDSA', async () => {
  const { publicKey, privateKey } = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const signature = await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, data);
  return [signature.byteLength, await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, publicKey, signature, data)];
});
await tell('subtle AES', async () => {
  const key = await subtle.importKey('raw', Buffer.alloc(32, 1), 'AES-GCM', false, ['encrypt', 'decrypt']);
  const iv = Buffer.alloc(12);
  const sealed = await subtle.encrypt({ name: 'AES-GCM', iv }, key, data);
  return [
    Buffer.from(sealed).toString('hex'),
    Buffer.from(await subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed)).toString(),
  ];
});
await tell('subtle derive', async () => {
  const key = await subtle.importKey('raw', Buffer.from('pw'), 'PBKDF2', false, ['deriveBits']);
  return Buffer.from(
    await subtle.deriveBits({ name: 'PBKDF2', salt: Buffer.from('salt'), iterations: 100, hash: 'SHA-256' }, key, 128),
  ).toString('hex');
});
await tell('subtle wrap', async () => {
  const key = await subtle.generateKey({ name: 'AES-CBC', length: 128 }, true, ['encrypt']);
  const wrapping = await subtle.generateKey({ name: 'AES-KW', length: 128 }, true, ['wrapKey', 'unwrapKey']);
  const wrapped = await subtle.wrapKey('raw', key, wrapping, 'AES-KW');
  const again = await subtle.unwrapKey('raw', wrapped, wrapping, 'AES-KW', 'AES-CBC', true, ['encrypt']);
  return [wrapped.byteLength, again.algorithm];
});
await tell('not extractable', async () => {
  const key = await subtle.importKey('raw', Buffer.alloc(16), 'AES-CBC', false, ['encrypt']);
  return subtle.exportKey('raw', key);
});
