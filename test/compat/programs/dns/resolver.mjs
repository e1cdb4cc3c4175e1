import dgram from 'node:dgram';
import dns from 'node:dns';
import { once, tell } from '../support/tell.mjs';

/** A name server of its own: enough of one to answer A, TXT and errors. */
const server = dgram.createSocket('udp4');
server.on('message', (query, { port, address }) => {
  const labels = [];
  let at = 12;
  while (query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += query[at] + 1;
  }
  const name = labels.join('.');
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  const codes = { 'none.test': 3, 'broken.test': 2, 'refused.test': 5 };
  header.writeUInt16BE(0x8180 | (codes[name] ?? 0), 2);
  header.writeUInt16BE(1, 4);
  const record = (data) => {
    const head = Buffer.from([
      0xc0,
      0x0c,
      type >> 8,
      type & 255,
      0,
      1,
      0,
      0,
      0,
      60,
      data.length >> 8,
      data.length & 255,
    ]);
    return Buffer.concat([head, data]);
  };
  const answers = [];
  if (name === 'two.test' && type === 1)
    answers.push(record(Buffer.from([192, 0, 2, 1])), record(Buffer.from([192, 0, 2, 2])));
  if (name === 'two.test' && type === 28) answers.push(record(Buffer.from('20010db8000000000000000000000001', 'hex')));
  if (name === 'two.test' && type === 16) answers.push(record(Buffer.from('\x05hello\x05world', 'latin1')));
  header.writeUInt16BE(answers.length, 6);
  server.send(Buffer.concat([header, question, ...answers]), port, address);
});
server.bind(0, '127.0.0.1');
await once(server, 'listening');
const resolver = new dns.promises.Resolver({ timeout: 500, tries: 1 });
resolver.setServers([`127.0.0.1:${server.address().port}`]);
await tell('A', () => resolver.resolve4('two.test'));
await tell('A with ttl', () => resolver.resolve4('two.test', { ttl: true }));
await tell('AAAA', () => resolver.resolve6('two.test'));
await tell('TXT', () => resolver.resolveTxt('two.test'));
await tell('MX', () => resolver.resolveMx('two.test'));
await tell('NXDOMAIN', () => resolver.resolve4('none.test'));
await tell('SERVFAIL', () => resolver.resolve4('broken.test'));
await tell('REFUSED', () => resolver.resolve4('refused.test'));
await tell('bad name', () => resolver.resolve4('a..b').catch((error) => error.code));
await tell(
  '20 at once',
  async () => (await Promise.all(Array.from({ length: 20 }, () => resolver.resolve4('two.test')))).length,
);
server.close();
const silent = new dns.promises.Resolver({ timeout: 50, tries: 1 });
const hole = dgram.createSocket('udp4').bind(0, '127.0.0.1');
await once(hole, 'listening');
silent.setServers([`127.0.0.1:${hole.address().port}`]);
await tell('timeout', () => silent.resolve4('two.test').catch((error) => error.code));
hole.close();
