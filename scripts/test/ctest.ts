/**
 * The C++ tests: ctest over build/, one test per GoogleTest case (cmake/EbbTest.cmake registers them), counted from the
 * JUnit file that ctest writes. Reads what ctest 3.21 and later write, not JUnit at large.
 */
import { readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildFolder } from '../paths.mjs';
import { type Outcome, oneFailure, runProgram, type Skip, type Suite, withExitStatus } from './suite.ts';

const timeoutSeconds = 120;

export const ctest: Suite = {
  name: 'ctest',
  run: (signal) => runCtest(buildFolder, [], { signal }),
};

/** Runs the tests of one build folder, those that `selection` (arguments of ctest) leaves. */
export async function runCtest(
  folder: string,
  selection: readonly string[],
  options: { readonly signal: AbortSignal; readonly env?: NodeJS.ProcessEnv },
): Promise<Outcome> {
  const report = join(folder, 'ctest.xml');
  rmSync(report, { force: true });
  const jobs = String(availableParallelism());
  const args = [
    '--test-dir',
    folder,
    '--output-on-failure',
    '--no-tests=error',
    '--output-junit',
    report,
    ...selection,
  ];
  const status = await runProgram('ctest', [...args, '-j', jobs, '--timeout', String(timeoutSeconds)], options);
  let text: string;
  try {
    text = readFileSync(report, 'utf8');
  } catch {
    return oneFailure;
  }
  return withExitStatus(readReport(text), status);
}

/** @param text what `ctest --output-junit` wrote */
export function readReport(text: string): Outcome {
  let passed = 0;
  let failed = 0;
  const skips: Skip[] = [];
  for (const [, attributes = '', body = ''] of text.matchAll(/<testcase\b([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const status = attribute(attributes, 'status');
    if (status === 'run') passed++;
    else if (status === 'disabled' || (status === 'notrun' && /<skipped message="SKIP_/.test(body))) {
      skips.push({ test: attribute(attributes, 'name') ?? '?', reason: skipReason(body, status) });
    } else failed++;
  }
  return { passed, failed, skips };
}

function attribute(attributes: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1];
  return value === undefined ? undefined : unescapeXml(value);
}

/** GoogleTest prints the text of GTEST_SKIP() on the line after `<file>:<line>: Skipped`. */
function skipReason(body: string, status: string): string | undefined {
  const output = unescapeXml(/<system-out>(.*?)<\/system-out>/s.exec(body)?.[1] ?? '');
  return /: Skipped\n(.+)/.exec(output)?.[1]?.trim() ?? (status === 'disabled' ? 'disabled' : undefined);
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(lt|gt|quot|apos|amp);/g, (all, name: string) => entities[name] ?? all);
}
