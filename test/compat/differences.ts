/**
 * What is not as on plain Node, and meant to be so: each entry is a program of programs/differences/ with the result it gives in a VM of
 * 512 MiB. docs/compatibility.md names every one with its reason.
 */
import { expect } from 'vitest';

export interface Difference {
  /** Of the program, without folder and extension. */
  readonly name: string;
  /** The program's default export, or a matcher of it. */
  readonly result: unknown;
}

const noProcess = ['thrown', 'ENOSYS', 'spawn', 'spawn ENOSYS'];
const noWatch = ['ENOSYS', 'watch', "ENOSYS: function not implemented, watch '.'"];
const between = (least: number, most: number): unknown =>
  expect.toSatisfy((value: number) => value >= least && value <= most);

export const differences: readonly Difference[] = [
  {
    name: 'child-process',
    result: {
      spawn: noProcess,
      fork: noProcess,
      exec: noProcess,
      execFile: noProcess,
      spawnSync: ['ENOSYS', 'spawnSync ls', 'spawnSync ls ENOSYS', null, 0],
      execSync: ['thrown', 'ENOSYS', 'spawnSync /bin/sh', 'spawnSync /bin/sh ENOSYS'],
      execFileSync: ['thrown', 'ENOSYS', 'spawnSync ls', 'spawnSync ls ENOSYS'],
      cluster: noProcess,
    },
  },
  { name: 'watch', result: { watch: noWatch, promises: noWatch } },
  {
    name: 'quota',
    result: {
      written: between(200, 256),
      error: ['ENOSPC', 'write'],
      other: 'ENOSPC',
      asynchronous: 'ENOSPC',
      stream: 'ENOSPC',
      free: 0,
      after: 1 << 20,
    },
  },
  {
    name: 'memory-limit',
    result: { gigabyte: ['RangeError', null, 'Array buffer allocation failed'], small: 100_000_000 },
  },
  {
    name: 'descriptors',
    result: {
      file: ['EMFILE', 'open', "EMFILE: too many open files, open '/dev/null'"],
      highest: 65_535,
      socket: 'EMFILE',
      folder: 'EMFILE',
      again: [],
    },
  },
  {
    name: 'machine',
    result: {
      hostname: 'ebbwhisk',
      release: '5.10.0-ebbwhisk',
      version: '#1 Ebbwhisk LibOS',
      cpus: 1,
      memory: 512,
      load: [0, 0, 0],
      interfaces: ['lo 127.0.0.1/8', 'lo ::1/128', 'eth0 10.0.2.15/24'],
      user: ['root', '/root', 0],
      pid: [1, 0],
      timeZone: 'UTC',
    },
  },
  {
    name: 'identity',
    result: { setuid: ['EPERM', 'setuid'], setgid: ['EPERM', 'setgid'], seteuid: ['EPERM', 'seteuid'] },
  },
  {
    name: 'network',
    result: {
      hostLoopback: 'EACCES',
      privateAddress: 'EACCES',
      metadata: 'EACCES',
      outsideIpv6: 'ENETUNREACH',
      localhost: [{ address: '127.0.0.1', family: 4 }],
      multicast: 'ENOPROTOOPT',
    },
  },
  {
    name: 'wasm-memories',
    result: { error: ['RangeError', 'WebAssembly.Memory(): could not allocate memory'], count: between(8, 20) },
  },
];
