/**
 * Every fuzz target, briefly: all seeds (among them what was found once), then new inputs for a moment. One test per
 * target. `npm run fuzz` is for more.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTarget } from '../fuzz/run.ts';
import { reproduction, targetNames, targetOf } from '../fuzz/targets.ts';
import { SetupError } from '../processes.mjs';
import { buildFuzzTargets, findFuzzCompiler, fuzzPackages } from '../setup/fuzz.mjs';
import { type Outcome, oneFailure, type Suite } from './suite.ts';

const seconds = process.env.EBBWHISK_TEST_ALL === '1' ? 30 : 3;

export const fuzz: Suite = {
  name: 'fuzz',
  async run(signal) {
    const compiler = findFuzzCompiler();
    if (compiler === undefined) {
      const reason = `clang with libFuzzer is missing (Debian: ${fuzzPackages.join(' ')})`;
      return { passed: 0, failed: 0, skips: targetNames.map((test) => ({ test, reason })) };
    }
    try {
      await buildFuzzTargets(compiler);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      process.stdout.write(`${error.message}\n`);
      return oneFailure;
    }
    const waiting = [...targetNames];
    const outcomes = await Promise.all(Array.from({ length: availableParallelism() }, () => runSome(waiting, signal)));
    return {
      passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
      failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
      skips: [],
    };
  },
};

/** Takes targets until none waits. */
async function runSome(waiting: string[], signal: AbortSignal): Promise<Outcome> {
  let passed = 0;
  let failed = 0;
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const target = targetOf(name);
    const fresh = mkdtempSync(join(tmpdir(), 'ebbwhisk-fuzz-'));
    const run = await runTarget(target, { seconds, seed: 1, corpora: [fresh, target.seeds] }, signal);
    rmSync(fresh, { recursive: true, force: true });
    const ok = run.complaint.length === 0 && run.cases > 0;
    process.stdout.write(`${ok ? 'ok' : 'FAILED'} ${name}: ${run.cases} cases, ${run.coverage} edges\n`);
    for (const line of run.complaint) process.stdout.write(`${line}\n`);
    for (const file of run.findings) process.stdout.write(`reproduce: ${reproduction(target, file)}\n`);
    if (ok) passed++;
    else failed++;
  }
  return { passed, failed, skips: [] };
}
