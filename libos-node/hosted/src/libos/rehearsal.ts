/**
 * A rehearsal: the first clone of a template runs a function of ours, and a snapshot of it is kept beside the template. What the function
 * made different is what functions write to as a rule: later clones copy those pages at once. For KVM, where a page that is written to costs
 * two faults and a change of the shadow page tables, 5 to 8 us; a process copies as fast when it faults.
 *
 * Invariant: a rehearsal that fails costs time only. The tender ignores one of another template.
 */
import { rmSync, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { Vm } from '../vm.ts';

const timeoutMs = 5_000;

const code = `async function main(args) {
  console.log('rehearsal', args.n);
  return { text: 'Hello, ' + args.n, list: [1, 2, 3].map((each) => each * args.n) };
}`;

export function rehearsalOf(templateFile: string): string {
  return `${templateFile}.rehearsal`;
}

/** Whether there is one, made after the template. */
export function isRehearsed(templateFile: string): boolean {
  const madeAt = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  const [template, rehearsal] = [madeAt(templateFile), madeAt(rehearsalOf(templateFile))];
  return template !== undefined && rehearsal !== undefined && rehearsal >= template;
}

/** Resolves when there is a rehearsal, or none could be had; never rejects. */
export async function rehearse(templateFile: string, clone: () => Promise<Vm>): Promise<void> {
  let vm: Vm | undefined;
  // As an invoker does: the guest takes another way for a connection that is to be closed, and much of its memory to close one.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    rmSync(rehearsalOf(templateFile), { force: true });
    vm = await clone();
    await post(agent, vm.socketPath, '/init', { name: 'rehearsal', main: 'main', code, binary: false, env: {} });
    await post(agent, vm.socketPath, '/run', { n: 1 });
    await vm.snapshot(rehearsalOf(templateFile));
  } catch {
    // Clones fault instead.
  } finally {
    agent.destroy();
    await vm?.end();
  }
}

function post(agent: Agent, socketPath: string, path: string, value: unknown): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { 'content-type': 'application/json' };
  const call = request({ socketPath, path, method: 'POST', headers, agent, timeout: timeoutMs }, (answer) => {
    answer.resume().on('error', reject);
    answer.on('end', () =>
      answer.statusCode === 200 ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`)),
    );
  });
  call.on('error', reject).on('timeout', () => call.destroy(new Error(`${path}: no answer`)));
  call.end(JSON.stringify({ value }));
  return promise;
}
