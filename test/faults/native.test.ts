/**
 * One table of ways to die, most of them of native code, through the API of a real stack. Each entry says what the VM's exit report
 * names (reason, signal, address, mapping), and with it what OpenWhisk's user sees; and the next invocation works.
 */
import type { ExitReport } from '@ebbwhisk/libos-node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunningStack } from '../e2e/stack.ts';
import { suiteStack } from '../e2e/suite-stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';
import { addonAction, compileAddon, compilerMissing } from './addon.ts';

const exited = 'The action did not produce a valid response and exited unexpectedly.';
const outOfMemory = 'The action exhausted its memory and was aborted.';

interface Death {
  readonly report: Pick<ExitReport, 'reason' | 'signal' | 'code'>;
  /** Of the report's text. */
  readonly detail?: RegExp;
}

type Outcome = Death | { readonly result: unknown };

interface Fault {
  /** Body of `async function main(p)`, with `addon` in scope. */
  readonly body: string;
  readonly outcome: Outcome | ((tender: 'kvm' | 'process') => Outcome);
}

const fault = (signal: string, detail: RegExp): Death => ({ report: { reason: 'fault', signal }, detail });
const segv = (detail: RegExp): Death => fault('SIGSEGV', detail);
const ofMemory: Death = { report: { reason: 'memory' } };
const survives: Outcome = { result: { ok: 1 } };
const inNode = String.raw` in thread 'MainThread' \(tid 1\), rip 0x[0-9a-f]+ of addon\.node\+0x[0-9a-f]+, rsp 0x[0-9a-f]+, rax `;

const faults: Readonly<Record<string, Fault>> = {
  'reads from an address that is not mapped': {
    body: 'return { ok: addon.read(0x1ff0000123) };',
    outcome: segv(new RegExp(String.raw`^SIGSEGV: read of 0x1ff0000123 \(unmapped\)${inNode}`)),
  },
  'reads from an address beyond the guest': {
    body: 'return { ok: addon.read(0x7123456000) };',
    outcome: segv(/^SIGSEGV: read of 0x7123456000 \(outside the guest's address space\)/),
  },
  'reads from address 0': {
    body: 'return { ok: addon.read(0) };',
    outcome: segv(/^SIGSEGV: read of 0x0 \(null: below the lowest mapping\) in thread 'MainThread'/),
  },
  'writes near address 0': {
    body: 'addon.fill(0x18, 0x20, 1);',
    outcome: segv(/^SIGSEGV: write to 0x18 \(null: below the lowest mapping\)/),
  },
  'reads from a non-canonical address': {
    body: 'return { ok: addon.read(2 ** 60) };',
    outcome: segv(/^SIGSEGV: privileged instruction or non-canonical address, vector 13 in thread 'MainThread'/),
  },
  'writes into the code of Node': {
    body: 'addon.fill(0x800000, 0x800010, 0xcc);',
    outcome: segv(/^SIGSEGV: write to 0x800000 \(read-only of node\+0x800000\)/),
  },
  'writes into the file system of the image': {
    body: 'addon.fill(0x14000000, 0x14000010, 0xcc);',
    outcome: segv(/^SIGSEGV: write to 0x14000000 \(the image's file system, read-only\)/),
  },
  'writes into the hypercall page': {
    body: 'addon.fill(0x11000000, 0x11000010, 0xcc);',
    outcome: segv(/^SIGSEGV: write to 0x11000000 \(the hypercall page\)/),
  },
  'writes wildly on a thread': {
    body: 'addon.writeOnThread(0x1ff0000000);',
    outcome: segv(/^SIGSEGV: write to 0x1ff0000000 \(unmapped\) in thread 'wild-thread' \(tid \d+\)/),
  },
  'jumps to address 0': {
    body: 'addon.jump(0);',
    outcome: segv(
      /^SIGSEGV: (execution|read) of 0x0 \(null: below the lowest mapping\) in thread 'MainThread' \(tid 1\), rip 0x0,/,
    ),
  },
  'jumps to an address that is not mapped': {
    body: 'addon.jump(0x1ff0000000);',
    outcome: segv(
      /^SIGSEGV: (execution|read) of 0x1ff0000000 \(unmapped\) in thread 'MainThread' \(tid 1\), rip 0x1ff0000000,/,
    ),
  },
  'jumps to a non-canonical address': {
    body: 'addon.jump(2 ** 60);',
    outcome: segv(/non-canonical address, vector 13 in thread 'MainThread'/),
  },
  'jumps into data': {
    body: 'addon.jump(1);',
    // Under KVM what can be read can be executed: it gets to the invalid instruction that lies there.
    outcome: (tender) =>
      tender === 'process'
        ? segv(/^SIGSEGV: execution of 0x[0-9a-f]+ \(not executable of addon\.node\+0x[0-9a-f]+\)/)
        : fault(
            'SIGILL',
            /^SIGILL: invalid instruction in thread 'MainThread' \(tid 1\), rip 0x[0-9a-f]+ of addon\.node\+/,
          ),
  },
  'executes an invalid instruction': {
    body: 'addon.execute(0);',
    outcome: fault('SIGILL', new RegExp(`^SIGILL: invalid instruction${inNode}`)),
  },
  'divides by zero': {
    body: 'addon.execute(1);',
    outcome: fault('SIGFPE', new RegExp(`^SIGFPE: integer division by zero or overflow${inNode}`)),
  },
  'hits a breakpoint': {
    body: 'addon.execute(2);',
    outcome: fault('SIGTRAP', new RegExp(`^SIGTRAP: breakpoint or debug trap${inNode}`)),
  },
  'executes a privileged instruction': {
    body: 'addon.execute(3);',
    outcome: segv(new RegExp(`^SIGSEGV: privileged instruction or non-canonical address, vector 13${inNode}`)),
  },
  'overflows the stack of its main thread': {
    body: 'addon.overflow(0);',
    outcome: segv(
      new RegExp(
        String.raw`^SIGSEGV: write to 0x[0-9a-f]+ \(guard page of a thread's stack: stack overflow\)${inNode}`,
      ),
    ),
  },
  'overflows the stack of another thread': {
    body: 'addon.overflow(1);',
    outcome: segv(/\(guard page of a thread's stack: stack overflow\) in thread 'wild-thread'/),
  },
  'overflows the stack of a worker in JavaScript and catches that': {
    body: `const { Worker } = require('node:worker_threads');
      const code = 'const f = () => f() + 1; try { f(); } catch (e) { require("node:worker_threads").parentPort.postMessage(e.message); }';
      return new Promise((done, failed) => new Worker(code, { eval: true }).on('message', (ok) => done({ ok })).on('error', failed));`,
    outcome: { result: { ok: 'Maximum call stack size exceeded' } },
  },
  aborts: {
    body: 'addon.abort();',
    outcome: {
      report: { reason: 'abort', signal: 'SIGABRT' },
      detail: /^died of SIGABRT in thread 'MainThread' \(tid 1\), rip 0x[0-9a-f]+ of libc\.so\.6\+/,
    },
  },
  'sends itself SIGKILL': {
    body: 'addon.raise(9);',
    outcome: { report: { reason: 'abort', signal: 'SIGKILL' }, detail: /^died of SIGKILL in thread / },
  },
  'sends itself SIGTERM': {
    body: 'addon.raise(15);',
    outcome: { report: { reason: 'abort', signal: 'SIGTERM' } },
  },
  'exits with a status': { body: 'process.exit(42);', outcome: { report: { reason: 'exit', code: 42 } } },
  'exits without one': { body: 'process.exit();', outcome: { report: { reason: 'exit', code: 0 } } },
  'fills its memory by malloc and aborts': { body: 'addon.allocate(200_000, 1, 1);', outcome: ofMemory },
  'maps memory until it is refused, gives it back and maps as much again': {
    body: 'const [first, then] = [addon.map(1e9), addon.map(1e9)]; return { ok: first > 20e6 && first < 128e6 && then >= first - 2e6 ? 1 : [first, then] };',
    outcome: survives,
  },
  'touches what it was promised, beyond its memory': { body: 'addon.allocate(16 << 20, 1, 0);', outcome: ofMemory },
  'fills its memory with Buffers': {
    body: 'const all = []; for (;;) all.push(Buffer.alloc(16 << 20, 1));',
    outcome: ofMemory,
  },
  'fills the memory of WebAssembly': {
    body: `const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
      for (let n = 0; n < 65_000; n += 160) { memory.grow(160); new Uint8Array(memory.buffer).fill(1, n * 65_536, (n + 160) * 65_536); }`,
    outcome: ofMemory,
  },
  'was refused memory, and dies of something else later': {
    body: 'addon.map(1e9); await new Promise((done) => setTimeout(done, 1_200)); addon.read(0);',
    outcome: segv(/^SIGSEGV: read of 0x0/),
  },
  'makes threads without end': {
    // 11: EAGAIN.
    body: 'const made = addon.threads(4000); const again = addon.threads(100); return { ok: made > 11_100 && made < 12_000 && again === 100 ? 1 : [made, again] };',
    outcome: survives,
  },
  'returns from a signal with a stack that is none': {
    body: 'return { ok: addon.forge(0) };',
    outcome: { report: { reason: 'abort', signal: 'SIGSEGV' } },
  },
  'returns from a signal with misaligned vectors': {
    body: 'return { ok: addon.forge(1) };',
    outcome: { report: { reason: 'abort', signal: 'SIGSEGV' } },
  },
  'returns from a signal with vectors of garbage': { body: 'return { ok: addon.forge(2) };', outcome: survives },
  'returns from a signal with vectors of the LibOS': {
    body: 'return { ok: addon.forge(3) };',
    outcome: { report: { reason: 'abort', signal: 'SIGSEGV' } },
  },
  'returns from a signal to a non-canonical address': {
    body: 'return { ok: addon.forge(4) };',
    outcome: { report: { reason: 'abort', signal: 'SIGSEGV' } },
  },
  'returns from a signal with all flags': { body: 'return { ok: addon.forge(5) };', outcome: survives },
  'returns from a signal without segments': { body: 'return { ok: addon.forge(6) };', outcome: survives },
  'returns from a signal with a frame in the LibOS': {
    body: 'return { ok: addon.forge(7) };',
    outcome: { report: { reason: 'abort', signal: 'SIGSEGV' } },
  },
  'returns from a signal with a non-canonical stack': {
    body: 'return { ok: addon.forge(8) };',
    outcome: { report: { reason: 'fault' } },
  },
};

const missing = compilerMissing();

forTargets(libosTenders, ({ name, tender }) => {
  describe.skipIf(missing !== undefined)(`an action that, ${name},`, () => {
    const running = suiteStack(() => ({ tender, logLevel: 'info' }));
    let stack: RunningStack;
    beforeAll(async () => {
      stack = running();
      const cases = Object.entries(faults).map(
        ([what, { body }]) => `case ${JSON.stringify(what)}: { ${body} break; }`,
      );
      const code = `switch (p.fault) { case undefined: return { ok: 'next' }; ${cases.join('\n')} }`;
      await stack.api.putAction('native', addonAction(compileAddon(), code), { limits: { memory: 128 } });
      await stack.api.putAction(
        'hostile',
        addonAction(compileAddon(), 'if (p.ok) return { ok: true }; addon.fill(p.from, p.to, p.byte);'),
        {
          limits: { timeout: 1_000 },
        },
      );
    });

    /** The reports of all VMs of an action that ended by themselves. */
    const reports = (action: string): ExitReport[] =>
      stack.log
        .records()
        .filter(({ msg, action: group }) => msg === 'VM ended by itself' && String(group).endsWith(`/${action}`))
        .map(({ report }) => report as ExitReport);

    it.each(Object.entries(faults))('%s', async (what, { outcome }) => {
      const expected = typeof outcome === 'function' ? outcome(tender) : outcome;
      const before = reports('native').length;
      const { activation, status } = await stack.api.invoke('native', { fault: what });
      if ('result' in expected) {
        expect([status, activation.response.result]).toEqual([200, expected.result]);
      } else {
        expect(activation.response.result['error']).toBe(expected.report.reason === 'memory' ? outOfMemory : exited);
        expect([status, activation.response.status]).toEqual([502, 'action developer error']);
        await expect.poll(() => reports('native').length).toBe(before + 1);
        const report = reports('native').at(-1);
        expect(report).toMatchObject(expected.report);
        if (expected.detail !== undefined) expect(report?.detail).toMatch(expected.detail);
      }
      await stack.api.record(activation.activationId);
      const next = await stack.api.invoke('native');
      expect([next.status, next.activation.response.result]).toEqual([200, { ok: 'next' }]);
      await stack.api.record(next.activation.activationId);
    });

    // There is no boundary between an action and its LibOS: what it destroys there is its own VM.
    it.each([
      ['the LibOS', 0x10000000, 0x10400000],
      ['the rings that it shares with the tender', 0x12000000, 0x12010000],
    ] as const)('overwrites %s', async (_, from, to) => {
      for (const byte of [0xff, 0x00]) {
        const { activation } = await stack.api.invoke('hostile', { from, to, byte });
        expect(activation.response).toMatchObject({ status: 'action developer error' });
        expect([exited, 'The action exceeded its time limits of 1000 milliseconds.']).toContain(
          activation.response.result['error'],
        );
        const next = await stack.api.invoke('hostile', { ok: true });
        expect([next.status, next.activation.response.result]).toEqual([200, { ok: true }]);
      }
    });
  });
});
