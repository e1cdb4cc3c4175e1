/**
 * The C++ tests under sanitizers, each kind in a build folder of its own. Long: it builds nearly everything anew, so it
 * runs in `npm run test:all` and by name. docs/testing.md says what each kind cannot see.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildFolder, root } from '../paths.mjs';
import { runCtest } from './ctest.ts';
import { type Outcome, oneFailure, runProgram, type Suite } from './suite.ts';

interface Kind {
  readonly name: string;
  /** As for -fsanitize=. */
  readonly sanitizers: string;
  /** What is built: the hosted tests, and with them what they are linked from. */
  readonly targets: readonly string[];
  /** Which tests, as a regular expression of ctest. */
  readonly tests: string;
  readonly env: Readonly<Record<string, string>>;
}

const kinds: readonly Kind[] = [
  {
    name: 'address',
    sanitizers: 'address,undefined',
    targets: [
      'ebb_test',
      'kernel_test',
      'ebb_broker_test',
      'ebb_tender_test',
      'ebb_linux_fs_test',
      'ebb_linux_net_test',
      'uv_test',
      'uv_cores_test',
    ],
    tests: '.',
    env: { UBSAN_OPTIONS: 'print_stacktrace=1' },
  },
  {
    // VMs: the tests of `address` skip them, with the reason.
    name: 'undefined',
    sanitizers: 'undefined',
    targets: ['ebb_tender_test'],
    tests: '^(Tenders/|ProcessTender|ServeTest|Tender\\.)',
    env: { UBSAN_OPTIONS: 'print_stacktrace=1' },
  },
  {
    // Cores are threads of the host there; everything else has one thread.
    name: 'thread',
    sanitizers: 'thread',
    targets: ['ebb_test'],
    tests: '^ebb_test',
    env: { TSAN_OPTIONS: 'halt_on_error=1' },
  },
];

export const sanitize: Suite = {
  name: 'sanitize',
  long: true,
  async run(signal) {
    const outcomes: Outcome[] = [];
    for (const kind of kinds) {
      process.stdout.write(`\n--- sanitize: ${kind.name}\n`);
      outcomes.push(await runKind(kind, signal));
    }
    return {
      passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
      failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
      skips: outcomes.flatMap(({ skips }) => skips),
    };
  },
};

async function runKind({ name, sanitizers, targets, tests, env }: Kind, signal: AbortSignal): Promise<Outcome> {
  const folder = join(buildFolder, 'sanitize', name);
  if (!existsSync(join(folder, 'build.ninja'))) {
    const settings = ['-DCMAKE_BUILD_TYPE=Release', `-DEBB_SANITIZE=${sanitizers}`];
    if ((await runProgram('cmake', ['-G', 'Ninja', '-S', root, '-B', folder, ...settings], { signal })) !== 0)
      return oneFailure;
  }
  const jobs = String(availableParallelism());
  if ((await runProgram('ninja', ['-C', folder, '-j', jobs, ...targets], { signal })) !== 0) return oneFailure;
  return runCtest(folder, ['-R', tests], { signal, env: { ...process.env, ...env } });
}
