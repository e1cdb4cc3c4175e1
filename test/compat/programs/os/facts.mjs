import os from 'node:os';
import { tell } from '../support/tell.mjs';

await tell('names', () => [
  os.type(),
  os.platform(),
  os.arch(),
  os.machine(),
  os.endianness(),
  JSON.stringify(os.EOL),
  os.devNull,
]);
await tell('release', () => /^\d+\.\d+/.test(os.release()));
await tell('version', () => os.version().length > 0);
await tell('hostname', () => os.hostname().length > 0);
await tell('cpus', () =>
  os
    .cpus()
    .every(({ model, speed, times }) => typeof model === 'string' && typeof speed === 'number' && times.user >= 0),
);
await tell('parallelism', () => os.availableParallelism() >= 1 && os.availableParallelism() <= os.cpus().length);
await tell('memory', () => [os.totalmem() > 100e6, os.freemem() > 0, os.freemem() <= os.totalmem()]);
await tell('uptime', () => os.uptime() > 0);
await tell('load', () => os.loadavg().map((value) => typeof value));
await tell('loopback', () => {
  const lo = os.networkInterfaces().lo ?? [];
  return lo.filter(({ family }) => family === 'IPv4');
});
await tell('user', () => {
  const { uid, gid, username, homedir } = os.userInfo();
  return [uid === process.getuid(), gid === process.getgid(), username.length > 0, homedir.length > 0];
});
await tell('priority', () => os.getPriority());
await tell('tmpdir', () => os.tmpdir().startsWith('/'));
await tell('constants', () => [Object.keys(os.constants.signals).length, Object.keys(os.constants.errno).length]);
