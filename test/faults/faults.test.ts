/**
 * Actions that misbehave, each through the API of a real stack: the activation tells what happened in OpenWhisk's words, and the
 * next invocation of the same action works.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { type ActionFields, type ActivationRecord, annotation } from '../e2e/client.ts';
import type { RunningStack } from '../e2e/stack.ts';
import { suiteStack } from '../e2e/suite-stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';

const exited = 'The action did not produce a valid response and exited unexpectedly.';
const initExited = 'The action did not initialize and exited unexpectedly.';
const outOfMemory = 'The action exhausted its memory and was aborted.';
const developerErrorLine = 'stderr: The action did not initialize or run as expected. Log data might be missing.';

interface Fault {
  /** Body of `async function main(p)`. */
  readonly body?: string;
  /** A whole action instead. */
  readonly code?: string;
  readonly limits?: ActionFields['limits'];
  readonly status: 'success' | 'application error' | 'action developer error';
  /** The `error` of the result, or the whole result of a success. */
  readonly result: unknown;
  readonly timedOut?: boolean;
  /** The VM goes on and serves the next invocation. */
  readonly survives?: boolean;
  /** Log lines without their times; absent: not looked at. */
  readonly logs?: unknown;
}

const faults: Readonly<Record<string, Fault>> = {
  'loops for ever': {
    body: 'console.log("looping"); while (true) {}',
    limits: { timeout: 1_000 },
    status: 'action developer error',
    result: 'The action exceeded its time limits of 1000 milliseconds.',
    timedOut: true,
    logs: ['stdout: looping', developerErrorLine],
  },
  'waits for ever': {
    body: 'await new Promise(() => {});',
    limits: { timeout: 500 },
    status: 'action developer error',
    result: 'The action exceeded its time limits of 500 milliseconds.',
    timedOut: true,
  },
  'touches 2 GB in Buffers': {
    body: 'const all = []; while (all.length < 128) all.push(Buffer.alloc(16 << 20, 1)); return { n: all.length };',
    limits: { memory: 256 },
    status: 'action developer error',
    result: outOfMemory,
  },
  'fills the heap of JavaScript': {
    body: 'const all = []; for (;;) all.push(new Array(10_000).fill(all.length));',
    limits: { memory: 128 },
    status: 'action developer error',
    result: outOfMemory,
  },
  'recurses without end': {
    code: 'function main(p) { if (p.ok) return { ok: true }; return main(p); }',
    status: 'action developer error',
    result: 'An error has occurred: RangeError: Maximum call stack size exceeded',
  },
  'recurses without end in an async function': {
    body: 'const dig = () => dig() + 1; return { depth: dig() };',
    status: 'application error',
    result: expect.objectContaining({ name: 'RangeError', message: 'Maximum call stack size exceeded' }),
    survives: true,
  },
  'calls process.exit': {
    body: 'console.log("leaving"); process.exit(3);',
    status: 'action developer error',
    result: exited,
    logs: ['stdout: leaving', developerErrorLine],
  },
  'calls process.abort': {
    body: 'console.log("aborting"); process.abort();',
    status: 'action developer error',
    result: exited,
    logs: expect.arrayContaining(['stdout: aborting', developerErrorLine]),
  },
  'throws where nobody catches': {
    body: 'setTimeout(() => { throw new Error("nobody"); }); await new Promise(() => {});',
    status: 'action developer error',
    result: exited,
    logs: expect.arrayContaining([expect.stringContaining('Error: nobody'), developerErrorLine]),
  },
  'reads beyond the memory of its WebAssembly': {
    // (module (memory 1) (func (export "f") (param i32) (result i32) local.get 0 i32.load))
    body: `const bytes = Buffer.from('0061736d0100000001060160017f017f030201000503010001070501016600000a09010700200028020' + '00b', 'hex');
      const { instance } = await WebAssembly.instantiate(bytes);
      const trap = (at) => { try { return instance.exports.f(at); } catch (error) { return error.message; } };
      return { inside: trap(65_532), outside: trap(65_536), far: trap(-1) };`,
    status: 'success',
    result: { inside: 0, outside: 'memory access out of bounds', far: 'memory access out of bounds' },
    survives: true,
  },
  'writes 100 MB of logs': {
    body: `const line = 'x'.repeat(1023); for (let n = 0; n < 100 * 1024; n++) console.log(line); return { done: true };`,
    limits: { logs: 1, timeout: 15_000 },
    status: 'success',
    result: { done: true },
    survives: true,
    logs: expect.toSatisfy((lines: string[]) => {
      const last = 'stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.';
      return (
        lines.at(-1) === last && lines.length > 900 && lines.length < 1025 && lines[0] === `stdout: ${'x'.repeat(1023)}`
      );
    }),
  },
  'writes a log line of 20 MB without an end': {
    body: `for (let n = 0; n < 20; n++) process.stdout.write('y'.repeat(1 << 20)); return { done: true };`,
    limits: { logs: 1, timeout: 15_000 },
    status: 'success',
    result: { done: true },
    survives: true,
    logs: [
      expect.stringMatching(/^stdout: y{1000000,}$/),
      'stderr: Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes.',
    ],
  },
  'answers 5 MB': {
    body: `return { long: 'z'.repeat(5 << 20) };`,
    status: 'application error',
    result: expect.stringMatching(
      /^The action produced a response that exceeded the allowed length: 5242891 > 1048576 bytes\. The truncated response was: \{"long":"z+$/,
    ),
    survives: true,
  },
};

function withoutTimes({ logs }: ActivationRecord): string[] {
  return logs.map((line) => line.slice(31));
}

forTargets(libosTenders, ({ name, tender }) => {
  describe(`an action that, ${name},`, () => {
    const running = suiteStack(() => ({ tender }));
    let stack: RunningStack;
    beforeAll(() => {
      stack = running();
    });

    /** The next invocation of an action: on the VM that is there, or on a new one. */
    const goesOn = async (action: string, survives: boolean) => {
      const { activation, status } = await stack.api.invoke(action, { ok: true });
      expect([status, activation.response.result]).toEqual([200, { ok: true }]);
      expect(annotation(activation, 'ebbStart')).toMatch(survives ? /^hot$/ : /^(cold|warm)$/);
      // A VM is busy until its logs are in, which is after the answer.
      await stack.api.record(activation.activationId);
    };

    let count = 0;
    it.each(Object.entries(faults))('%s', { timeout: 60_000 }, async (_, fault) => {
      const action = `fault-${++count}`;
      const {
        body,
        code = `async function main(p) { if (p.ok) return { ok: true }; ${body} }`,
        limits,
        survives,
      } = fault;
      await stack.api.putAction(action, code, limits === undefined ? {} : { limits });
      const { activation, status } = await stack.api.invoke(action);
      const succeeds = fault.status === 'success';
      expect(activation.response).toMatchObject({ status: fault.status, success: succeeds });
      expect(succeeds ? activation.response.result : activation.response.result['error']).toEqual(fault.result);
      expect(status).toBe(succeeds ? 200 : 502);
      expect(annotation(activation, 'timeout')).toBe(fault.timedOut ?? false);
      const record = await stack.api.record(activation.activationId);
      expect(record.response).toEqual(activation.response);
      if (fault.logs !== undefined) expect(withoutTimes(record)).toEqual(fault.logs);
      await goesOn(action, survives ?? false);
    });

    it.each([
      [
        'loops for ever while it is loaded',
        'while (true) {}',
        'The action exceeded its time limits of 1000 milliseconds during initialization.',
        true,
      ],
      ['exits while it is loaded', 'process.exit(0)', initExited, false],
    ])('%s', async (_, fault, error, timedOut) => {
      const action = `fault-${++count}`;
      await stack.api.putAction(action, `${fault}; function main() {}`, { limits: { timeout: 1_000 } });
      const { activation } = await stack.api.invoke(action);
      expect(activation.response).toMatchObject({ status: 'action developer error', result: { error } });
      expect(annotation(activation, 'timeout')).toBe(timedOut);
      await stack.api.putAction(action, 'function main() { return { ok: true }; }');
      await goesOn(action, false);
    });
  });
});
