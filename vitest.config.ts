/**
 * Two projects. Most tests run in parallel, two files at a time, so that they also fit a small machine. Tests that need
 * the machine to themselves (they measure time, or count processes) are named *.serial.test.ts and run afterwards, one
 * file after the other.
 */
import { configDefaults, defineConfig } from 'vitest/config';

const exclude = [...configDefaults.exclude, 'build/**', '.ebbwhisk/**'];

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // On a machine that is busy with something else a boot alone takes longer than the default second.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'parallel',
          include: ['**/*.test.ts'],
          exclude: [...exclude, '**/*.serial.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'serial',
          include: ['**/*.serial.test.ts'],
          exclude,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
