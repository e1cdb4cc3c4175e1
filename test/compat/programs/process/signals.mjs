import os from 'node:os';
import { once, sleep, tell } from '../support/tell.mjs';

for (const signal of [
  'SIGUSR2',
  'SIGHUP',
  'SIGINT',
  'SIGTERM',
  'SIGALRM',
  'SIGCHLD',
  'SIGWINCH',
  'SIGRTMIN',
  'SIGQUIT',
  'SIGURG',
]) {
  await tell(signal, async () => {
    if (os.constants.signals[signal] === undefined) return 'unknown';
    const got = once(process, signal);
    process.kill(process.pid, signal);
    return got;
  });
}
await tell('by number', async () => {
  const got = once(process, 'SIGUSR2');
  process.kill(process.pid, 12);
  return got;
});
await tell('ignored by default', async () => {
  process.kill(process.pid, 'SIGCHLD');
  process.kill(process.pid, 'SIGWINCH');
  process.kill(process.pid, 'SIGURG');
  process.kill(process.pid, 'SIGPIPE');
  process.kill(process.pid, 'SIGCONT');
  await sleep(5);
  return 'alive';
});
await tell('burst', async () => {
  let count = 0;
  const listener = () => {
    count += 1;
  };
  process.on('SIGUSR2', listener);
  for (let i = 0; i < 10; i += 1) {
    process.kill(process.pid, 'SIGUSR2');
    await sleep(1);
  }
  await sleep(10);
  process.off('SIGUSR2', listener);
  return count;
});
await tell('SIGKILL cannot be listened to', () => process.on('SIGKILL', () => {}));
await tell('constants', () => [
  os.constants.signals.SIGTERM,
  os.constants.errno.ENOSYS,
  os.constants.priority.PRIORITY_LOW,
]);
