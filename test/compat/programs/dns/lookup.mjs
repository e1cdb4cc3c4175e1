import dns from 'node:dns';
import { facts, tell } from '../support/tell.mjs';

await tell('localhost v4', () => dns.promises.lookup('localhost', { family: 4 }));
await tell('an address', () => dns.promises.lookup('192.0.2.1'));
await tell('a v6 address', () => dns.promises.lookup('2001:db8::1'));
await tell('all', () => dns.promises.lookup('127.0.0.1', { all: true }));
await tell('hints', () =>
  dns.promises.lookup('127.0.0.1', { family: 6, hints: dns.V4MAPPED, all: true }).catch((error) => error.code),
);
await tell('empty', () => dns.promises.lookup(''));
await tell('lookupService', async () => {
  const { service } = await dns.promises.lookupService('127.0.0.1', 80).catch((error) => ({ service: error.code }));
  return typeof service;
});
await tell('bad arguments', () => dns.promises.lookup('localhost', { family: 7 }));
await tell('bad service', () => dns.promises.lookupService('not an address', 80));
await tell(
  'callback',
  () =>
    new Promise((resolve) => dns.lookup('127.0.0.1', (error, address, family) => resolve([error, address, family]))),
);
await tell('servers', () => {
  const resolver = new dns.Resolver();
  resolver.setServers(['192.0.2.53', '[2001:db8::53]:5353']);
  return resolver.getServers();
});
await tell('order', () => {
  dns.setDefaultResultOrder('ipv4first');
  const order = dns.getDefaultResultOrder();
  dns.setDefaultResultOrder('verbatim');
  return order;
});
await tell('cancelled', async () => {
  const resolver = new dns.promises.Resolver();
  resolver.setServers(['127.0.0.1:9']);
  const asked = resolver.resolve4('example.test').catch((error) => facts(error).code);
  resolver.cancel();
  return asked;
});
