/**
 * The actions of the mixed load: one family for each thing that actions do, wrong endings included. What an invocation must answer is computed
 * here from its arguments alone, so an answer that belongs to another invocation, action or tenant is found out.
 */

import { createHash } from 'node:crypto';
import type { Activation } from '../api/client.ts';

export interface MixedAction {
  readonly family: string;
  readonly source: string;
  /** OpenWhisk's limits of the action: MB, ms. */
  readonly limits?: { readonly memory?: number; readonly timeout?: number };
  argumentsOf(n: number): Record<string, unknown>;
  /** What is wrong with the answer; undefined when it is right. */
  check(n: number, answer: Activation): string | undefined;
  /** The lines that its record must hold, without their times: `stdout: text`. Lines of one stream are in order. */
  logsOf?(n: number): readonly string[];
}

type Family = (id: string) => Omit<MixedAction, 'family'>;

const kWasm = Buffer.from([
  // (module (func (export "sum") (param i32) (result i32) (local i32): the sum of 1..n by a loop)
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 115, 117, 109, 0, 0, 10, 27, 1, 25,
  1, 1, 127, 3, 64, 32, 1, 32, 0, 106, 33, 1, 32, 0, 65, 1, 107, 34, 0, 13, 0, 11, 32, 1, 11,
]).toString('base64');

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Success with exactly this result. */
function result(expected: (n: number) => unknown): MixedAction['check'] {
  return (n, { status, response }) => {
    const wanted = JSON.stringify(expected(n));
    if (status === 200 && response.success && JSON.stringify(response.result) === wanted) return undefined;
    return `wanted ${wanted}, got ${describe(status, response)}`;
  };
}

/** An answer of this status whose error text matches. */
function failure(status: string, text: RegExp): MixedAction['check'] {
  return (_n, { status: http, response }) => {
    const error = (response.result as { error?: unknown } | undefined)?.error;
    if (http === 502 && response.status === status && typeof error === 'string' && text.test(error)) return undefined;
    return `wanted ${status} ${text}, got ${describe(http, response)}`;
  };
}

function describe(status: number, response: unknown): string {
  return `${status} ${JSON.stringify(response)?.slice(0, 300)}`;
}

const numbered = (n: number): Record<string, unknown> => ({ n });

const families: Readonly<Record<string, Family>> = {
  hello: (id) => ({
    source: `const main = ({ n }) => ({ id: '${id}', n });`,
    argumentsOf: numbered,
    check: result((n) => ({ id, n })),
  }),
  json: (id) => ({
    source: `function main({ n, rows }) {
      const copy = JSON.parse(JSON.stringify({ rows }));
      return { id: '${id}', n, count: copy.rows.length, sum: copy.rows.reduce((sum, { value }) => sum + value, 0) };
    }`,
    argumentsOf: (n) => ({
      n,
      rows: Array.from({ length: 500 }, (_, at) => ({ at, value: n + at, text: `row ${at}` })),
    }),
    check: result((n) => ({ id, n, count: 500, sum: 500 * n + (499 * 500) / 2 })),
  }),
  crypto: (id) => ({
    source: `const { createHash } = require('crypto');
      const main = ({ n, text }) => ({ n, hash: createHash('sha256').update('${id}' + text).digest('hex') });`,
    argumentsOf: (n) => ({ n, text: `text ${n}`.repeat(100) }),
    check: result((n) => ({ n, hash: sha256(id + `text ${n}`.repeat(100)) })),
  }),
  zlib: (id) => ({
    source: `const zlib = require('zlib'); const { promisify } = require('util');
      async function main({ n }) {
        const text = ('${id} ' + n + ' ').repeat(5000);
        const packed = await promisify(zlib.gzip)(text);
        return { n, same: (await promisify(zlib.gunzip)(packed)).toString() === text };
      }`,
    argumentsOf: numbered,
    check: result((n) => ({ n, same: true })),
  }),
  memory: () => ({
    source: `function main({ n }) {
      const parts = Array.from({ length: 20 }, (_, at) => Buffer.alloc(1 << 20, (n + at) % 251));
      const objects = Array.from({ length: 20000 }, (_, at) => ({ at, text: 'x' + at }));
      return { n, sum: parts.reduce((sum, part) => sum + part[part.length - 1], 0), last: objects.at(-1).text };
    }`,
    argumentsOf: numbered,
    check: result((n) => {
      let sum = 0;
      for (let at = 0; at < 20; at += 1) sum += (n + at) % 251;
      return { n, sum, last: 'x19999' };
    }),
  }),
  files: (id) => ({
    source: `const fs = require('fs/promises');
      async function main({ n }) {
        const folder = await fs.mkdtemp('/tmp/mixed-');
        await fs.writeFile(folder + '/a', '${id} ' + n + ' '.repeat(100000));
        await fs.rename(folder + '/a', folder + '/b');
        const text = await fs.readFile(folder + '/b', 'utf8');
        await fs.rm(folder, { recursive: true });
        return { n, length: text.length, text: text.trim() };
      }`,
    argumentsOf: numbered,
    check: result((n) => ({ n, length: `${id} ${n}`.length + 100_000, text: `${id} ${n}` })),
  }),
  logs: (id) => ({
    source: `function main({ n }) {
      for (let at = 0; at < 20; at++) console.log('${id}', n, at);
      console.error('end', n);
      return { n };
    }`,
    argumentsOf: numbered,
    check: result((n) => ({ n })),
    logsOf: (n) => [...Array.from({ length: 20 }, (_, at) => `stdout: ${id} ${n} ${at}`), `stderr: end ${n}`],
  }),
  sleep: (id) => ({
    source: `const main = ({ n }) => new Promise((done) => setTimeout(() => done({ id: '${id}', n }), n % 50));`,
    argumentsOf: numbered,
    check: result((n) => ({ id, n })),
  }),
  compute: () => ({
    source: `function main({ n }) {
      let value = n % 1000003;
      for (let step = 0; step < 200000; step++) value = (value * 48271 + step) % 2147483647;
      return { n, value };
    }`,
    argumentsOf: numbered,
    check: result((n) => {
      let value = n % 1_000_003;
      for (let step = 0; step < 200_000; step += 1) value = (value * 48_271 + step) % 2_147_483_647;
      return { n, value };
    }),
  }),
  wasm: () => ({
    source: `const module = new WebAssembly.Module(Buffer.from('${kWasm}', 'base64'));
      const main = ({ n }) => ({ n, sum: new WebAssembly.Instance(module).exports.sum(1 + n % 50000) });`,
    argumentsOf: numbered,
    check: result((n) => {
      const last = 1 + (n % 50_000);
      return { n, sum: ((last * (last + 1)) / 2) | 0 };
    }),
  }),
  worker: (id) => ({
    source: `const { Worker } = require('worker_threads');
      const text = "const { parentPort, workerData } = require('worker_threads'); parentPort.postMessage(workerData * 2);";
      const main = ({ n }) => new Promise((done, fail) => {
        const worker = new Worker(text, { eval: true, workerData: n });
        let twice; worker.on('message', (value) => { twice = value; });
        worker.on('error', fail); worker.on('exit', () => done({ id: '${id}', n, twice }));
      });`,
    argumentsOf: numbered,
    check: result((n) => ({ id, n, twice: n * 2 })),
  }),
  http: (id) => ({
    source: `const http = require('http');
      async function main({ n }) {
        const server = http.createServer((request, response) => response.end('${id}' + request.url));
        await new Promise((done) => server.listen(0, '127.0.0.1', done));
        const text = await (await fetch('http://127.0.0.1:' + server.address().port + '/' + n)).text();
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
        return { n, text };
      }`,
    argumentsOf: numbered,
    check: result((n) => ({ n, text: `${id}/${n}` })),
  }),
  large: (id) => ({
    source: `const main = ({ n }) => ({ n, text: ('${id} ' + n + ' ').repeat(5000) });`,
    argumentsOf: numbered,
    check: result((n) => ({ n, text: `${id} ${n} `.repeat(5000) })),
  }),
  module: (id) => ({
    source: `import { createHash } from 'node:crypto';
      export function main({ n }) { return { n, hash: createHash('sha256').update('${id}' + n).digest('hex') }; }`,
    argumentsOf: numbered,
    check: result((n) => ({ n, hash: sha256(`${id}${n}`) })),
  }),
  refusal: (id) => ({
    source: `const main = ({ n }) => ({ error: '${id} refuses ' + n });`,
    argumentsOf: numbered,
    check: (n, answer) => failure('application error', new RegExp(`^${id} refuses ${n}$`))(n, answer),
  }),
  throwing: () => ({
    source: `function main({ n }) { throw new Error('number ' + n); }`,
    argumentsOf: numbered,
    check: failure('action developer error', /^An error has occurred: Error: number \d+$/),
  }),
  exiting: () => ({
    source: `function main() { process.exit(3); }`,
    argumentsOf: numbered,
    check: failure('action developer error', /^The action did not produce a valid response and exited unexpectedly\.$/),
  }),
  looping: () => ({
    source: `function main() { for (;;); }`,
    limits: { timeout: 200 },
    argumentsOf: numbered,
    // On a machine that is busy enough the limit may pass before main runs.
    check: failure(
      'action developer error',
      /^The action exceeded its time limits of 200 milliseconds( during initialization)?\.$/,
    ),
  }),
};

/** Families that cost a VM each time come rarely: they stand at the end of the order of popularity. */
const deadly: readonly string[] = ['exiting', 'looping'];
/** Families that wait, or end in an error on purpose. */
const slowOrFailing: readonly string[] = ['sleep', 'refusal', 'throwing', ...deadly];

/** `count` actions, the most popular first; `unique` makes their texts unlike those of any other run. */
export function catalogue(count: number, unique: string): MixedAction[] {
  const all = Object.entries(families);
  const [harmless, last] = [
    all.filter(([name]) => !deadly.includes(name)),
    all.filter(([name]) => deadly.includes(name)),
  ];
  const tail = count >= all.length ? last : [];
  return made([...inTurn(harmless, count - tail.length), ...tail], unique);
}

/** `count` actions that succeed and do not wait, no two of the same text; `unique` as above. */
export function unlikeActions(count: number, unique: string): MixedAction[] {
  const quick = Object.entries(families).filter(([name]) => !slowOrFailing.includes(name));
  return made(inTurn(quick, count), unique);
}

type Named = readonly [name: string, make: Family];

function inTurn(choice: readonly Named[], count: number): Named[] {
  return Array.from({ length: count }, (_, at) => choice[at % choice.length]).filter((each) => each !== undefined);
}

/** The comment makes texts differ also where the family has no use for the name. */
function made(named: readonly Named[], unique: string): MixedAction[] {
  return named.map(([family, make], at) => {
    const action = make(`${unique}-${at}`);
    return { family, ...action, source: `// ${unique}-${at}\n${action.source}` };
  });
}
