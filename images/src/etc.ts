/**
 * The configuration files of the guest: users, names, time zone. Plain text made here, nothing copied from the machine, so that an
 * image does not tell who built it. Certificates are left out: Node brings its own roots.
 */
import type { FsTree } from './fs/tree.ts';

/** Addresses as in the ABI header: the gateway is the host, the resolver answers DNS. */
const files: Readonly<Record<string, string>> = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home/nobody:/usr/sbin/nologin\n',
  '/etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  '/etc/hosts': '127.0.0.1 localhost ebbwhisk\n10.0.2.2 gateway host.ebbwhisk.internal\n',
  '/etc/resolv.conf': 'nameserver 10.0.2.3\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n',
  '/etc/hostname': 'ebbwhisk\n',
  '/etc/host.conf': 'multi on\n',
  '/etc/services':
    'ftp 21/tcp\nssh 22/tcp\nsmtp 25/tcp\ndomain 53/tcp\ndomain 53/udp\nhttp 80/tcp\nhttps 443/tcp\nhttps 443/udp\n',
  '/etc/protocols': 'ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6 41 IPv6\n',
  '/etc/os-release': 'NAME="Ebbwhisk LibOS"\nID=ebbwhisk\n',
};

/** UTC as a TZif file of version 2: one type, no transitions. */
function utcZone(): Buffer {
  const head = Buffer.alloc(44);
  head.write('TZif2', 0, 'latin1');
  head.writeUInt32BE(1, 36);
  head.writeUInt32BE(4, 40);
  const block = Buffer.concat([head, Buffer.alloc(6), Buffer.from('UTC\0')]);
  return Buffer.concat([block, block, Buffer.from('\nUTC0\n')]);
}

export function addConfiguration(tree: FsTree): void {
  for (const [path, text] of Object.entries(files)) tree.addFile(path, text);
  tree.addFile('/usr/share/zoneinfo/Etc/UTC', utcZone());
  tree.addLink('/usr/share/zoneinfo/UTC', 'Etc/UTC');
  // ICU takes the zone's name from where this link leads.
  tree.addLink('/etc/localtime', '/usr/share/zoneinfo/Etc/UTC');
  for (const path of ['/proc', '/dev', '/sys', '/var', '/run', '/home/nobody']) tree.addDirectory(path);
  for (const path of ['/tmp', '/var/tmp']) tree.addDirectory(path, 0o1777);
  tree.addDirectory('/root', 0o700);
}
