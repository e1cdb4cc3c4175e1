/**
 * What a process does that becomes a template for clones: it warms its whole path up with requests of its own, so that a clone finds
 * compiled code, loaded modules and grown heaps, and leaves no other trace of them. And what a clone does before its first request:
 * whatever Node drew from a generator or read once from the system is drawn and read again.
 *
 * Invariant: no tenant's code runs before the template is parked. The LibOS gives each clone fresh entropy and another pid (which
 * makes OpenSSL's generator seed itself anew) without any help from here; this file looks after what V8 and Node keep themselves.
 * Left out, because no running process can change them from JavaScript: V8's hash seed, the seeds of contexts made later by node:vm,
 * whose Math.random() begins alike in all clones of a template, and Math.random() of workers that live when a function's snapshot is taken.
 */
import { readlinkSync } from 'node:fs';
import { type AddressInfo, connect, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { forgetScript } from './code-cache.ts';
import { prepareCollect } from './collect.ts';
import { watchEntropyCaches } from './entropy-caches.ts';
import { installRandom } from './random.ts';

/** Until V8 has compiled what it deems hot. With 40 it did so in clones, when the second connection came. */
const rounds = 200;

/** Of requests that node:http has to read: those with long code, and those of unusual clients. */
const roundsInPieces = 10;

const source = `
const { createHash } = require('crypto');
async function main(args) {
  console.log('warm', args.n);
  console.error('warm');
  const items = Array.from({ length: 20 }, (_, i) => ({ i, text: String(i).padStart(4, '0') }));
  items.sort((a, b) => b.i - a.i);
  const map = new Map(items.map((item) => [item.text, item]));
  await new Promise((resolve) => setTimeout(resolve, 0));
  return { n: args.n, hash: createHash('sha256').update(JSON.stringify([...map.keys()])).digest('hex'), url: new URL('http://a/b?c=d').pathname };
}`;

/**
 * Answers a template's own requests on a port that nobody else reaches, then forgets them. Rejects when an answer is not as expected.
 *
 * No garbage collection at the end: it moves what clones then write beside, and lets go of code (2,350 page faults of a clone's first
 * run instead of 870).
 */
export async function warmUp(createServer: () => Server): Promise<void> {
  stopMemoryReducer();
  prepareCollect();
  const environment = new Set(Object.keys(process.env));
  require('./entry.ts');
  require('./work-folder.ts');
  require('./archive/unpack.ts');
  await answerRequests(createServer(), 'in pieces', roundsInPieces);
  await answerRequests(createServer(), 'whole', rounds);
  forgetScript();
  for (const name of Object.keys(process.env)) if (!environment.has(name)) delete process.env[name];
  await new Promise((resolve) => setTimeout(resolve, reducerRestMs));
}

/** How long V8 is given to see that it has nothing to reduce. */
const reducerRestMs = 20;

/**
 * Some seconds after a program has become quiet, V8 collects its garbage twice to make the heap smaller. In a clone that would copy
 * most of the heap, and one made later than those seconds would do it before its first answer. Node 20's V8 cannot be told.
 */
function stopMemoryReducer(): void {
  if (Number.parseInt(process.versions.v8, 10) < 12) return;
  for (const flag of ['--memory-reducer-gc-count=0', '--gc-memory-reducer-start-delay-ms=1']) setFlagsFromString(flag);
}

type Sending = 'whole' | 'in pieces';

async function answerRequests(server: Server, sending: Sending, runs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const init = JSON.stringify({ value: { name: 'warm', main: 'main', code: source, binary: false, env: {} } });
  await post(port, '/init', init, sending);
  for (let n = 0; n < runs; n++) {
    const reply = await post(
      port,
      '/run',
      JSON.stringify({ value: { n }, activation_id: 'warm', deadline: '0' }),
      sending,
    );
    if ((JSON.parse(reply) as { n?: unknown }).n !== n) throw new Error(`warm-up: ${reply}`);
  }
  await new Promise((resolve) => {
    server.close(resolve);
  });
}

function post(port: number, path: string, body: string, sending: Sending): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('error', reject).on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
      if (end === -1 || text.length - end - 4 < length) return;
      socket.destroy();
      if (text.startsWith('HTTP/1.1 200 ')) resolve(text.slice(end + 4));
      else reject(new Error(`warm-up: ${text}`));
    });
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    if (sending === 'whole') {
      socket.write(head + body);
    } else {
      socket.write(head);
      turn().then(() => socket.write(body));
    }
  });
}

/**
 * A function to call before each request: in a clone, the first call makes the process differ from its siblings. A clone's parent is
 * another process than the template's, which costs one look to see.
 */
export function watchForClone(): () => void {
  reseed ??= installRandom();
  drainCaches ??= watchEntropyCaches();
  let parent = process.ppid;
  return () => {
    if (process.ppid === parent) return;
    parent = process.ppid;
    becomeDifferent();
  };
}

/** Of the one Math.random() there is. */
let reseed: (() => void) | undefined;
let drainCaches: (() => void) | undefined;

function becomeDifferent(): void {
  const pid = Number(readlinkSync('/proc/self'));
  Object.defineProperty(process, 'pid', { value: pid, writable: false, enumerable: true, configurable: true });
  reseed?.();
  drainCaches?.();
}
