/**
 * The egress policy end to end: guests try addresses of every kind, by TCP and UDP, in a network that the test makes; listeners at all of them
 * write down whether anything arrived. The table itself: libos-node/tender/broker/test/egress_policy_test.cc.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { libosTenders } from '../support/libos-targets.ts';
import {
  type Attempt,
  gatewayPort,
  lateAddress,
  neverAddresses,
  type Outcome,
  otherPort,
  ownAddress,
  port,
  privateAddresses,
  publicAddresses,
  type World,
} from './egress-world.ts';

/** A namespace with a link in it is made and thrown away. */
function namespacesMissing(): string | undefined {
  const script =
    'ip link set lo up && ip link add near type veth peer name far && mount --bind /dev/null /etc/resolv.conf';
  const { status, error, stderr } = spawnSync('unshare', ['-n', '-m', 'sh', '-c', script], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `network namespaces cannot be made here: ${error?.message ?? stderr.trim()}`;
}

const missing = namespacesMissing();
const usable = libosTenders.filter(({ unusable }) => unusable === undefined);
const folder = mkdtempSync(join(tmpdir(), 'ebbwhisk-egress-'));
let world: World;

beforeAll(async () => {
  if (missing !== undefined) return;
  const resolv = join(folder, 'resolv.conf');
  writeFileSync(resolv, 'nameserver 127.0.0.1\n');
  // In a mount namespace of its own the resolver is the test's.
  const script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  const program = [
    process.execPath,
    join(import.meta.dirname, 'egress-world.ts'),
    ...usable.map(({ tender }) => tender),
  ];
  const child = spawn('unshare', ['-n', '-m', 'sh', '-c', script, 'sh', resolv, ...program]);
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const status = await new Promise((done) => child.once('close', done));
  if (status !== 0) throw new Error(`the world ended with ${status}: ${errors}`);
  world = JSON.parse(out.trim().split('\n').at(-1) ?? '') as World;
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const { name, tender, unusable } of libosTenders) {
  describe(`egress, ${name}`, () => {
    const outcome = (skip: (condition: boolean, note?: string) => void, which: 'strict' | 'open'): Outcome => {
      skip(unusable !== undefined, unusable);
      skip(missing !== undefined, missing);
      const found = world.tenders[tender]?.[which];
      if (found === undefined) throw new Error('no outcome');
      return found;
    };
    const attempt = ({ attempts }: Outcome, to: string, at = port): Attempt | undefined =>
      attempts.find((each) => each.to === to && each.port === at);
    const reached = (to: string, at = port) => ({ to, port: at, tcp: 'connected', udp: 'sent' });
    // A datagram that is denied is lost like any other.
    const denied = (to: string, at = port) => ({ to, port: at, tcp: 'EACCES', udp: 'sent' });
    const farLines = (addresses: readonly string[]) =>
      addresses.flatMap((address) => [`tcp ${address}:${port}`, `udp ${address}:${port}`]);

    it('reaches public addresses, and nothing else', ({ skip }) => {
      const found = outcome(skip, 'strict');
      for (const to of publicAddresses) expect(attempt(found, to)).toEqual(reached(to));
      for (const to of [...privateAddresses, ...neverAddresses.filter((to) => !isInside(to))])
        expect(attempt(found, to)).toEqual(denied(to));
      // What listeners saw is what was allowed: the public ones, by all their names, and the gateway.
      expect(found.arrived).toEqual([...farLines(publicAddresses), `host tcp 127.0.0.1:${gatewayPort}`].sort());
    });

    it('with private networks allowed reaches those, too, and still none of the others', ({ skip }) => {
      const found = outcome(skip, 'open');
      for (const to of [...publicAddresses, ...privateAddresses]) expect(attempt(found, to)).toEqual(reached(to));
      for (const to of neverAddresses.filter((each) => !isInside(each))) expect(attempt(found, to)).toEqual(denied(to));
      expect(found.arrived).toEqual(
        [...farLines([...publicAddresses, ...privateAddresses]), `host tcp 127.0.0.1:${gatewayPort}`].sort(),
      );
    });

    it('0.0.0.0 and 127.0.0.0/8 are the guest itself', ({ skip }) => {
      const found = outcome(skip, 'strict');
      for (const to of neverAddresses.filter(isInside)) expect(attempt(found, to)?.tcp).toBe('ECONNREFUSED');
    });

    it('mapped addresses are what they are mapped to', ({ skip }) => {
      const found = outcome(skip, 'strict');
      expect(attempt(found, '::ffff:8.8.8.8')).toEqual(reached('::ffff:8.8.8.8'));
      for (const to of ['10.1.2.3', '169.254.169.254', ownAddress]) {
        expect(attempt(found, `::ffff:${to}`)).toEqual(denied(`::ffff:${to}`));
      }
      expect(attempt(found, '::ffff:127.0.0.1')?.tcp).toBe('ECONNREFUSED');
    });

    it('the host by its own addresses is denied, also by one that it got later', ({ skip }) => {
      for (const which of ['strict', 'open'] as const) {
        const found = outcome(skip, which);
        for (const to of [ownAddress, lateAddress]) expect(attempt(found, to)).toEqual(denied(to));
      }
    });

    it('the gateway has its ports, the resolver its one', ({ skip }) => {
      const found = outcome(skip, 'strict');
      expect(attempt(found, '10.0.2.2', gatewayPort)?.tcp).toBe('connected');
      for (const [to, at] of [
        ['10.0.2.2', otherPort],
        ['10.0.2.2', port],
        ['10.0.2.3', port],
        ['10.0.2.4', port],
      ] as const) {
        expect(attempt(found, to, at)).toEqual(denied(to, at));
      }
    });

    it('a name that means something else the second time is judged by what is connected', ({ skip }) => {
      // Each time: what the look-up said, connecting there, and connecting by the name, which asks again.
      const rebinding = (third: string) => [
        '93.184.216.34 connected ECONNREFUSED',
        '93.184.216.34 connected EACCES',
        `93.184.216.34 connected ${third}`,
        '93.184.216.34 connected EACCES',
      ];
      expect(outcome(skip, 'strict').rebinding).toEqual(rebinding('EACCES'));
      expect(outcome(skip, 'open').rebinding).toEqual(rebinding('connected'));
    });
  });
}

/** Never leaves the VM: its own loopback. */
function isInside(address: string): boolean {
  return address === '0.0.0.0' || address.startsWith('127.');
}
