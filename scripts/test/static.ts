/** What is judged without running it. Each check is one test: it passes or fails as a whole. */
import { biome, type Command, clangFormat, typecheck } from '../checks.ts';
import { type Outcome, oneFailure, runProgram, type Suite } from './suite.ts';

const onePass: Outcome = { passed: 1, failed: 0, skips: [] };

function check(name: string, [program, ...args]: Command): Suite {
  return {
    name,
    run: async (signal) => ((await runProgram(program, args, { signal })) === 0 ? onePass : oneFailure),
  };
}

const formatOfCpp: Suite = {
  name: 'clang-format',
  run() {
    const unformatted = clangFormat('check');
    for (const file of unformatted) process.stdout.write(`${file}: not formatted (npm run format)\n`);
    return Promise.resolve(unformatted.length === 0 ? onePass : oneFailure);
  },
};

export const staticChecks: readonly Suite[] = [
  check('typecheck', typecheck()),
  check('lint', biome('check')),
  formatOfCpp,
];
