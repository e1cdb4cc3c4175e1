/** The action that is measured: what it does in the VM is asked by its arguments. */
import type { Instance } from '../vm/invocations.ts';

const source = `
const http = require('node:http');
const { performance } = require('node:perf_hooks');
function turns(ms) {
  return new Promise((resolve) => {
    const from = performance.now();
    let count = 0;
    const next = () => {
      count += 1;
      const now = performance.now();
      if (now - from < ms) setImmediate(next);
      else resolve({ perSecond: (count * 1000) / (now - from) });
    };
    setImmediate(next);
  });
}
function listen(port) {
  return new Promise((resolve, reject) => {
    const server = http.createServer((request, response) => response.end('hello'));
    server.keepAliveTimeout = 0;
    server.on('error', reject);
    server.listen(port, '0.0.0.0', () => resolve({ port: server.address().port }));
  });
}
function main({ what, n, ms, port }) {
  if (what === 'turns') return turns(ms);
  if (what === 'listen') return listen(port);
  return { n };
}`;

/** Guest port of the http server. */
export const helloPort = 9000;

const answers: unknown[] = [];
const argumentsOf = (n: number): { readonly n: number } => ({ n });

export async function init(instance: Instance): Promise<void> {
  await instance.init({ source, argumentsOf, check: () => undefined });
}

export async function echo(instance: Instance, n: number): Promise<void> {
  const check = (_: number, result: unknown) => ((result as { n?: unknown }).n === n ? undefined : 'wrong result');
  await instance.run({ source, argumentsOf, check }, n);
}

async function ask(instance: Instance, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  answers.length = 0;
  const check = (_: number, result: unknown) => {
    answers.push(result);
    return undefined;
  };
  await instance.run({ source, argumentsOf: (n) => ({ ...args, n }), check }, 0);
  return (answers[0] ?? {}) as Record<string, unknown>;
}

/** Turns of the event loop per second, each with one immediate. */
export async function turnsPerSecond(instance: Instance, ms: number): Promise<number> {
  return Number((await ask(instance, { what: 'turns', ms })).perSecond);
}

/** Port 0 for a free one; the port. */
export async function startServer(instance: Instance, port: number): Promise<number> {
  return Number((await ask(instance, { what: 'listen', port })).port);
}
