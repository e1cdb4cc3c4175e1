/**
 * A vitest reporter that writes the totals and the reasons of skipped tests to the file named by EBBWHISK_TEST_COUNTS:
 * vitest's JSON reporter leaves out the reasons. What fails outside of a test (a file that does not load, an unhandled
 * rejection) counts as one failure each.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';
import type { Outcome, Skip } from './suite.ts';

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    const skips: Skip[] = [];
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed++;
        else if (result.state === 'skipped') {
          skips.push({ test: `${module.relativeModuleId} > ${test.fullName}`, reason: result.note });
        } else failedHere++;
      }
      if (failedHere === 0 && module.state() === 'failed') failedHere = 1;
      failed += failedHere;
    }
    const file = process.env.EBBWHISK_TEST_COUNTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify({ passed, failed, skips } satisfies Outcome));
  }
}
