/**
 * Native code of an action that attacks what holds it: instructions of ring 0, ways into the host's kernel, the hypercall page, and
 * system calls of every number. Its VM may die of it; the activation says so, and the next invocation of the action works.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunningStack } from '../e2e/stack.ts';
import { suiteStack } from '../e2e/suite-stack.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTenders } from '../support/libos-targets.ts';
import { addonAction, compileAddon, compilerMissing } from './addon.ts';

const allAttempts = process.env['EBBWHISK_TEST_ALL'] !== undefined;
const exited = 'The action did not produce a valid response and exited unexpectedly.';
const timedOut = 'The action exceeded its time limits of 2000 milliseconds.';

const code = (hex: string) => `addon.run(Buffer.from('${hex}', 'hex')); return {};`;

/** Each ends its VM. */
const lethal: Readonly<Record<string, string>> = {
  'switches interrupts off': code('fa'),
  'reads a port': code('e420'),
  'reads a control register': code('0f20d8'),
  'calls Linux as a 32-bit program (int 0x80)': code('b801000000cd80'),
  // push 0x23; push the address of what follows; lret; then, in 32-bit code: mov eax,1; int 0x80
  'calls Linux from a 32-bit code segment': code('6a23e8000000004883042407' + '48cb' + 'b801000000cd800f0b'),
  'returns from a signal that never came': 'addon.call(15, 0); return {};',
  'writes into the boot info': 'addon.fill(0x11010000, 0x11010008, 0); return {};',
  'reads behind the regions of the guest': 'return { byte: addon.read(0x2000001000) };',
  'jumps to the vsyscall page with a broken stack': code('4831e448c7c0000060ffffe0'),
};

/** Calls that would end or stop the process by right: exit, exit_group, rt_sigreturn, pause, rt_sigsuspend. */
const skipped = [60, 231, 15, 34, 130];
const callsPerVm = 40;
const numbers = 480;

forTargets(libosTenders, ({ name, tender }) => {
  const compiler = compilerMissing();
  describe(`native code that, ${name},`, () => {
    const running = suiteStack(() => ({ tender }));
    let stack: RunningStack;
    let addon: Buffer;
    beforeAll(() => {
      stack = running();
      if (compiler === undefined) addon = compileAddon();
    });

    let count = 0;
    const put = async (body: string) => {
      const action = `hostile-${++count}`;
      const archive = addonAction(addon, `if (p.ok) return { ok: true }; ${body}`);
      await stack.api.putAction(action, archive, { limits: { timeout: 2_000 } });
      return action;
    };
    const nextWorks = async (action: string) => {
      const { activation, status } = await stack.api.invoke(action, { ok: true });
      expect([status, activation.response.result]).toEqual([200, { ok: true }]);
      await stack.api.record(activation.activationId);
    };

    it.for(Object.entries(lethal))('%s', async ([, body], { skip }) => {
      skip(compiler !== undefined, compiler);
      const action = await put(body);
      const { activation } = await stack.api.invoke(action);
      expect(activation.response).toMatchObject({ status: 'action developer error', result: { error: exited } });
      await nextWorks(action);
    });

    it('jumps into the middle of the hypercall page', async ({ skip }) => {
      skip(compiler !== undefined, compiler);
      const action = await put('addon.jump(0x11000000 + p.offset); return {};');
      for (const offset of allAttempts ? Array.from({ length: 0xe00 / 16 }, (_, n) => n * 16) : [0x80, 0x1f0, 0x400]) {
        const { activation } = await stack.api.invoke(action, { offset });
        const { result } = activation.response;
        // A piece of code that does nothing and returns is no harm.
        expect([exited, timedOut, undefined]).toContain(result['error']);
        await nextWorks(action);
      }
    });

    it('makes system calls of every number with senseless arguments', { timeout: 120_000 }, async ({ skip }) => {
      skip(compiler !== undefined, compiler);
      const action = await put(
        `for (let nr = p.from; nr < p.from + ${callsPerVm}; nr++) {
           if (!${JSON.stringify(skipped)}.includes(nr)) for (const value of [0, -1, 1]) addon.call(nr, value);
         }
         return { done: true };`,
      );
      const starts = Array.from({ length: numbers / callsPerVm }, (_, n) => n * callsPerVm);
      for (const from of allAttempts ? starts : starts.filter((_, n) => n % 4 === 1)) {
        const { activation } = await stack.api.invoke(action, { from });
        const { error, done } = activation.response.result;
        expect([exited, timedOut, true]).toContain(error ?? done);
        await nextWorks(action);
      }
    });
  });
});
