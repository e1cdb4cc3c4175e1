/** Memory that an action gives up: it is there for the next allocation, up to the VM's limit, and leaves an idle VM. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imageFileName, imagesFolder, tenderPath } from '@ebbwhisk/libos-node';
import { describe, expect, test } from 'vitest';
import { newInstance } from '../../loadgen/src/vm/vms.ts';
import { forTargets } from '../support/for-targets.ts';
import { libosTargets, libosTenders } from '../support/libos-targets.ts';
import { runAction } from './run-action.ts';

const memoryMb = 128;

/**
 * Fills most of the VM's memory with blocks of one size, lets them all go, and does it again with another size, so that
 * what is free never fits as it is. Every block must come as zeros.
 */
const rounds = `
const v8 = require('node:v8');
v8.setFlagsFromString('--expose-gc');
const gc = require('node:vm').runInNewContext('gc');
// V8 frees them on another thread.
async function settle() {
  for (let n = 0; n < 250; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (process.memoryUsage().arrayBuffers < 4 << 20) break;
    gc();
  }
}
async function fill(bytes, size) {
  const blocks = [];
  for (let used = 0; used < bytes; used += size) {
    const block = new Uint8Array(size);
    for (let at = 0; at < size; at += 512) if (block[at] !== 0) throw new Error('not zero at ' + at);
    block.fill(blocks.length + 1);
    blocks.push(block);
  }
  return blocks.length;
}
async function main({ megabytes, sizes }) {
  let count = 0;
  for (const size of sizes) {
    count += await fill(megabytes * 1024 * 1024, size);
    gc();
    await settle();
  }
  return { count };
}`;

forTargets(libosTenders, ({ name, tender, boot }) => {
  describe(`memory given up: ${name}`, () => {
    test('is there for allocations of another size, up to the limit', async () => {
      const sizes = [1 << 20, 300_000, 5 << 20, 130_000, 2_000_000, 17 << 20, 700_000];
      const megabytes = 70;
      const outcome = await runAction(boot, rounds, { memoryMb, parameters: { megabytes, sizes } });
      expect(outcome.exit).toBeUndefined();
      const count = sizes.reduce((sum, size) => sum + Math.ceil((megabytes * 1024 * 1024) / size), 0);
      expect(outcome.run).toEqual({ status: 200, body: { count } });
    });

    test('leaves a VM that idles', async () => {
      const measured = {
        source: rounds,
        argumentsOf: (n: number) => ({ n, megabytes: 60, sizes: [1 << 20] }),
        check: () => undefined,
      };
      const instance = await newInstance(
        { boot, options: { kind: 'nodejs:24', memoryMb: 256, tender } },
        AbortSignal.any([]),
      );
      try {
        await instance.init(measured);
        const before = (await instance.vm.stats()).memoryBytes;
        await instance.run(measured, 0);
        await expect
          .poll(async () => (await instance.vm.stats()).memoryBytes - before, { timeout: 10_000, interval: 500 })
          .toBeLessThan(30 << 20);
      } finally {
        await instance.end();
      }
    });
  });
});

forTargets(libosTargets, ({ name, tender, profile }) => {
  test(`the tender's counters tell trapped syscalls: ${name}`, async () => {
    const image = join(imagesFolder, imageFileName('nodejs:24', profile));
    const args = ['run', '--image', image, '--tender', tender, '--stats'];
    for (const arg of ['node', '-e', '0']) args.push('--arg', arg);
    const { stderr } = await promisify(execFile)(tenderPath, args);
    const { counters } = JSON.parse(/^\{.*\}$/m.exec(stderr)?.[0] ?? '{}') as {
      counters: { syscalls: number; syscallsTrapped: number };
    };
    expect(counters.syscallsTrapped).toBeGreaterThan(10);
    if (profile === 'general') expect(counters.syscallsTrapped).toBe(counters.syscalls);
    else expect(counters.syscallsTrapped).toBeLessThan(counters.syscalls / 4);
  });
});
