// The phases of the event loop against each other: what was asked for in one callback, and in which order it comes.
import fs from 'node:fs';
import net from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { once, sleep } from '../support/tell.mjs';

async function record(name, start) {
  const log = [];
  await new Promise((resolve) => start((text) => log.push(text), resolve));
  // Whatever else would come.
  await sleep(20);
  console.log(name, log.join(', '));
}

function around(log, name) {
  log(name);
  process.nextTick(() => log(`tick of ${name}`));
  Promise.resolve().then(() => log(`microtask of ${name}`));
}

await record('callbacks of files, one after the other', (log, done) => {
  fs.stat('.', () => {
    around(log, 'stat');
    setImmediate(() => around(log, 'immediate'));
    fs.open('/dev/null', (_, fd) => {
      around(log, 'open');
      // Late enough for any worker.
      setTimeout(() => log('timeout'), 30);
      setImmediate(() => log('second immediate'));
      fs.close(fd, () => {
        around(log, 'close');
        setTimeout(done, 40);
      });
    });
  });
});

await record('promises of files', async (log, done) => {
  const file = await fs.promises.open('/dev/null');
  process.nextTick(() => log('tick'));
  queueMicrotask(() => log('microtask'));
  const read = file.read(Buffer.alloc(8), 0, 8).then(({ bytesRead }) => log(`read ${bytesRead}`));
  log('asked');
  await read;
  await file.close();
  done();
});

await record('a timer of zero and an immediate, asked for by input', (log, done) => {
  fs.stat('.', () => {
    setTimeout(() => log('timeout'), 0);
    setImmediate(() => {
      log('immediate');
      setTimeout(done, 5);
    });
  });
});

await record('immediates that ask for immediates', (log, done) => {
  setImmediate(() => {
    around(log, '1');
    setImmediate(() => {
      log('3');
      setImmediate(done);
    });
  });
  setImmediate(() => around(log, '2'));
});

await record('a cleared immediate and a cleared timer', (log, done) => {
  const immediate = setImmediate(() => log('never'));
  const timer = setTimeout(() => log('never'), 50);
  setImmediate(() => {
    log('immediate');
    clearTimeout(timer);
    setTimeout(done, 60);
  });
  clearImmediate(immediate);
});

await record('a message and an immediate', (log, done) => {
  setImmediate(() => {
    const { port1, port2 } = new MessageChannel();
    port2.on('message', (text) => {
      log(text);
      if (text !== 'second') return;
      port1.close();
      setTimeout(done, 5);
    });
    setImmediate(() => log('immediate'));
    port1.postMessage('first');
    port1.postMessage('second');
    log('posted');
  });
});

{
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await record('a socket that is destroyed by its reader', (log, done) => {
    server.once('connection', (socket) => socket.end('data'));
    const client = net.connect(port, '127.0.0.1', () => log('connect'));
    client.on('data', () => {
      around(log, 'data');
      setImmediate(() => log('immediate'));
      client.destroy();
    });
    client.on('close', () => {
      log('close');
      setTimeout(done, 5);
    });
  });
  await record('an answer in the same turn', (log, done) => {
    server.once('connection', (socket) => {
      log('connection');
      socket.on('data', (data) => {
        log(`server got ${data}`);
        socket.end('answer', () => log('server is done'));
      });
    });
    const client = net.connect(port, '127.0.0.1', () => {
      log('connect');
      client.write('question', () => log('client has written'));
    });
    client.on('data', (data) => log(`client got ${data}`));
    client.on('end', () => log('client end'));
    client.on('close', () => {
      log('client close');
      setTimeout(done, 5);
    });
  });
  server.close();
  await once(server, 'close');
  await record('a refused connection', (log, done) => {
    setImmediate(() => {
      const client = net.connect(port, '127.0.0.1');
      client.on('error', ({ code }) => log(code));
      client.on('close', () => {
        log('close');
        setTimeout(done, 5);
      });
      setImmediate(() => log('immediate'));
      process.nextTick(() => log('tick'));
    });
  });
}

await record('timers that start timers', (log, done) => {
  setTimeout(() => {
    around(log, 'first');
    // Later than a slow machine takes for the rest of this turn.
    setTimeout(() => log('of the first'), 20);
    setImmediate(() => log('immediate'));
  }, 2);
  setTimeout(() => around(log, 'second'), 50);
  setTimeout(done, 70);
});

await record('an interval that clears itself', (log, done) => {
  let count = 0;
  const interval = setInterval(() => {
    count += 1;
    log(`interval ${count}`);
    if (count < 3) return;
    clearInterval(interval);
    done();
  }, 1);
});
