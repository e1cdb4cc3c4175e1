/**
 * Runs inside a network namespace of its own (see egress.test.ts), as root: a host with one interface, and behind it a second namespace whose
 * program (`node egress-world.ts far`) listens on every address that guests are asked to reach, and writes down what arrives. One VM per tender
 * tries them all. The last line on stdout is the outcome, JSON.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { bootLibos } from '@ebbwhisk/libos-node';
import { runAction } from '../guest/run-action.ts';

/** Of the host: one that looks public, and one that it gets when VMs already run. */
export const ownAddress = '203.0.114.1';
export const lateAddress = '203.0.115.1';
const farGateway = '203.0.114.2';
export const gatewayPort = 4000;
export const otherPort = 4001;
export const port = 80;

export const publicAddresses = ['93.184.216.34', '8.8.8.8', '1.0.0.1', '223.255.255.254'];
export const privateAddresses = [
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.254',
  '192.168.1.1',
  '100.64.0.1',
  '100.127.255.254',
];
export const neverAddresses = [
  '0.0.0.0',
  '0.1.2.3',
  '127.0.0.1',
  '127.0.0.2',
  '127.255.255.254',
  '100.100.100.200',
  '168.63.129.16',
  '169.254.1.1',
  '169.254.169.254',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.19.255.254',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.1.2.3',
  '240.0.0.1',
  '255.255.255.255',
  ownAddress,
  lateAddress,
];

export interface Attempt {
  /** As connect() takes it. */
  readonly to: string;
  readonly port: number;
  /** `connected`, or the code of the error. */
  readonly tcp: string;
  readonly udp: string;
}

export interface World {
  readonly tenders: Readonly<Record<string, { strict: Outcome; open: Outcome }>>;
}

export interface Outcome {
  readonly attempts: readonly Attempt[];
  /** What the far side and the host's own listeners saw: `tcp 1.2.3.4:80`. */
  readonly arrived: readonly string[];
  /** The name that first means a public address, then others. */
  readonly rebinding: readonly string[];
}

const ip = (...args: string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
};

/** Listens on all addresses of this namespace and tells what comes. */
async function record(ports: readonly number[], tell: (line: string) => void): Promise<void> {
  for (const each of ports) {
    await new Promise<void>((done) => {
      createServer((socket) => {
        tell(`tcp ${socket.localAddress}:${each}`);
        socket.on('error', () => {}).end('seen');
      }).listen(each, '0.0.0.0', done);
    });
  }
}

async function recordDatagrams(addresses: readonly string[], tell: (line: string) => void): Promise<void> {
  for (const address of addresses) {
    await new Promise<void>((done) => {
      const socket = createSocket('udp4');
      socket
        .on('message', () => tell(`udp ${address}:${port}`))
        .on('error', () => done())
        .bind(port, address, () => done());
    });
  }
}

async function far(): Promise<void> {
  await new Promise((done) => process.stdin.once('data', done));
  ip('link', 'set', 'lo', 'up');
  ip('addr', 'add', `${farGateway}/24`, 'dev', 'far');
  ip('link', 'set', 'far', 'up');
  const all = [...publicAddresses, ...privateAddresses, ...neverAddresses].filter(
    (address) => !/^(0|127|22[4-9]|23\d|255)\./.test(address) && address !== ownAddress && address !== lateAddress,
  );
  for (const address of all) ip('addr', 'add', `${address}/32`, 'dev', 'lo');
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  await record([port], tell);
  await recordDatagrams(all, tell);
  tell('ready');
}

/** What the guest does: TCP and UDP to each address, in several spellings, and to a name that changes its mind. */
const action = `
const net = require('net'), dgram = require('dgram'), dns = require('dns');
const tcp = (to, port) => new Promise((done) => { const s = net.connect({ host: to, port, family: to.includes(':') ? 6 : 4 });
  const end = (what) => { s.destroy(); done(what); };
  s.setTimeout(1500, () => end('timeout')).once('connect', () => end('connected')).once('error', (error) => end(error.code)); });
const udp = (to, port) => new Promise((done) => { const s = dgram.createSocket(to.includes(':') ? 'udp6' : 'udp4');
  s.once('error', (error) => { s.close(); done(error.code); });
  s.send('x', port, to, (error) => { s.close(); done(error === null || error === undefined ? 'sent' : error.code); }); });
exports.main = async ({ targets, name, port }) => {
  const attempts = await Promise.all(targets.map(async ([to, port]) => ({ to, port, tcp: await tcp(to, port), udp: await udp(to, port) })));
  const rebinding = [];
  // Each look-up is one of its own: the first is public, the others are not.
  for (let n = 0; n < 4; n++) {
    const { address } = await dns.promises.lookup(name, { family: 4 });
    rebinding.push(address + ' ' + await tcp(address, port) + ' ' + await tcp(name, port));
  }
  return { attempts, rebinding };
};`;

/** A resolver on the host's loopback: every second question about the name is answered with the next of these. */
const answers = [
  '93.184.216.34',
  '127.0.0.1',
  '93.184.216.34',
  '169.254.169.254',
  '93.184.216.34',
  '10.1.2.3',
  '93.184.216.34',
  ownAddress,
];

async function resolver(): Promise<() => void> {
  let next = 0;
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    const answer = Buffer.from((answers[next++ % answers.length] ?? '').split('.').map(Number));
    const end = question.indexOf(0, 12) + 5;
    const head = Buffer.from([question[0] ?? 0, question[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    const record = Buffer.concat([Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]), answer]);
    socket.send(Buffer.concat([head, question.subarray(12, end), record]), from.port, from.address);
  });
  await new Promise<void>((done) => socket.bind(53, '127.0.0.1', done));
  return () => {
    next = 0;
  };
}

function targets(): [string, number][] {
  const all = [...publicAddresses, ...privateAddresses, ...neverAddresses];
  return [
    ...all.map((to): [string, number] => [to, port]),
    // The same by other names.
    ...['8.8.8.8', '127.0.0.1', '10.1.2.3', '169.254.169.254', ownAddress].map((to): [string, number] => [
      `::ffff:${to}`,
      port,
    ]),
    ['10.0.2.2', gatewayPort],
    ['10.0.2.2', otherPort],
    ['10.0.2.2', port],
    ['10.0.2.3', port],
    ['10.0.2.4', port],
  ];
}

async function host(tenders: readonly string[]): Promise<void> {
  const arrived: string[] = [];
  const child = spawn('unshare', ['-n', process.execPath, import.meta.filename, 'far'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  ip('link', 'set', 'lo', 'up');
  // unshare becomes the program: the namespace is there when its /proc entry says so.
  const farPid = child.pid ?? 0;
  for (let tries = 0; ; tries++) {
    const [own, others] = ['self', String(farPid)].map((pid) =>
      execFileSync('readlink', [`/proc/${pid}/ns/net`], { encoding: 'utf8' }),
    );
    if (own !== others) break;
    if (tries > 200) throw new Error('the far namespace does not come');
    await new Promise((done) => setTimeout(done, 10));
  }
  ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(farPid));
  ip('addr', 'add', `${ownAddress}/24`, 'dev', 'near');
  ip('link', 'set', 'near', 'up');
  child.stdin.write('go\n');
  await new Promise<void>((done) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'ready') done();
        else arrived.push(line);
      }
    });
  });
  ip('route', 'add', 'default', 'via', farGateway);
  const restart = await resolver();
  const here = (line: string): void => void arrived.push(`host ${line}`);
  await record([port, gatewayPort, otherPort], here);
  await recordDatagrams(['127.0.0.1', ownAddress], here);

  const world: Record<string, { strict: Outcome; open: Outcome }> = {};
  for (const tender of tenders) {
    const run = async (allowPrivateNetworks: boolean): Promise<Outcome> => {
      restart();
      arrived.length = 0;
      const boot: typeof bootLibos = async (options) => {
        const vm = await bootLibos({ ...options, tender: tender as 'kvm' | 'process' });
        // Only now: what the tender read at its start does not have it.
        ip('addr', 'add', `${lateAddress}/24`, 'dev', 'near');
        return vm;
      };
      const parameters = { targets: targets(), name: 'rebinding.test', port };
      const {
        run: answer,
        exit,
        stderr,
      } = await runAction(boot, action, { parameters, gatewayPorts: [gatewayPort], allowPrivateNetworks });
      ip('addr', 'del', `${lateAddress}/24`, 'dev', 'near');
      if (answer?.status !== 200) throw new Error(`${tender}: ${JSON.stringify([answer, exit])} ${stderr}`);
      await new Promise((done) => setTimeout(done, 200));
      return { ...(answer.body as Omit<Outcome, 'arrived'>), arrived: [...new Set(arrived)].sort() };
    };
    world[tender] = { strict: await run(false), open: await run(true) };
  }
  child.kill();
  process.stdout.write(`${JSON.stringify({ tenders: world } satisfies World)}\n`);
  process.exit(0);
}

if (import.meta.main) {
  const [role, ...rest] = process.argv.slice(2);
  if (role === 'far') await far();
  else await host([role ?? 'process', ...rest]);
}
