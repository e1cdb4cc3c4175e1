import fs from 'node:fs';
import net from 'node:net';
import { once } from '../support/tell.mjs';

function schedule(log) {
  return new Promise((resolve) => {
    setTimeout(() => {
      log.push('timeout');
      process.nextTick(() => log.push('tick in timeout'));
      Promise.resolve().then(() => log.push('microtask in timeout'));
    }, 10);
    setImmediate(() => {
      log.push('immediate');
      process.nextTick(() => log.push('tick in immediate'));
      setImmediate(() => {
        log.push('next immediate');
        setTimeout(resolve, 20);
      });
    });
    process.nextTick(() => {
      log.push('tick');
      process.nextTick(() => log.push('nested tick'));
      Promise.resolve().then(() => log.push('microtask in tick'));
    });
    Promise.resolve().then(() => {
      log.push('microtask');
      process.nextTick(() => log.push('tick in microtask'));
      queueMicrotask(() => log.push('nested microtask'));
    });
    log.push('sync');
  });
}
async function inCallback(name, start) {
  const log = [];
  await new Promise((resolve) => start(() => schedule(log).then(resolve)));
  console.log(name, log.join(', '));
}
await inCallback('readFile', (run) => fs.readFile('/dev/null', run));
await inCallback('stat', (run) => fs.stat('.', run));
const server = net.createServer((socket) => socket.end('x'));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
await inCallback('connect', (run) => net.connect(server.address().port, '127.0.0.1', run).resume());
await inCallback('data', (run) => net.connect(server.address().port, '127.0.0.1').once('data', run));
server.close();
await inCallback('signal', (run) => {
  process.once('SIGUSR2', run);
  process.kill(process.pid, 'SIGUSR2');
});
{
  const log = [];
  const ticks = [];
  await new Promise((resolve) => {
    setImmediate(() => {
      setTimeout(() => log.push('timer 1'), 1);
      setTimeout(() => log.push('timer 2'), 1);
      setTimeout(() => log.push('timer 10'), 10);
      setTimeout(() => log.push('timer 5'), 5);
      setTimeout(resolve, 20);
      for (let i = 0; i < 3; i += 1) process.nextTick(() => ticks.push(i));
    });
  });
  console.log(log, ticks);
}
