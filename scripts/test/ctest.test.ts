import { expect, test } from 'vitest';
import { readReport } from './ctest.ts';
import { withExitStatus } from './suite.ts';

/** As ctest 3.25 writes it, shortened. */
const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="(empty)" tests="6" failures="1" disabled="1" skipped="2">
	<testcase name="a: Passes" classname="a: Passes" time="0.002" status="run">
		<system-out>[       OK ] Passes: Skipped
not a reason</system-out>
	</testcase>
	<testcase name="a: Fails" classname="a: Fails" time="0.002" status="fail">
		<failure message=""/>
		<system-out>a &lt;testcase status="run"&gt; in its output</system-out>
	</testcase>
	<testcase name="a: &quot;x&lt;y&quot;" classname="" time="0" status="notrun">
		<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>
		<system-out>[ RUN      ] Sample.Skips
a_test.cc:4: Skipped
KVM: /dev/kvm missing &amp; no PVM
[  SKIPPED ] Sample.Skips (0 ms)</system-out>
	</testcase>
	<testcase name="a: Off" classname="a: Off" time="0" status="disabled">
		<system-out>Disabled</system-out>
	</testcase>
	<testcase name="b_NOT_BUILT" classname="b_NOT_BUILT" time="0" status="notrun">
		<skipped message="Unable to find executable: b_NOT_BUILT"/>
		<system-out></system-out>
	</testcase>
	<testcase name="c" status="run"/>
</testsuite>
`;

test('counts every case of a report, with the reasons of the skipped ones', () => {
  expect(readReport(report)).toEqual({
    passed: 2,
    failed: 2,
    skips: [
      { test: 'a: "x<y"', reason: 'KVM: /dev/kvm missing & no PVM' },
      { test: 'a: Off', reason: 'disabled' },
    ],
  });
});

test('a tool that fails without a failed test is a failure', () => {
  const outcome = { passed: 3, failed: 0, skips: [] };
  expect(withExitStatus(outcome, 0)).toEqual(outcome);
  expect(withExitStatus(outcome, 8).failed).toBe(1);
  expect(withExitStatus({ ...outcome, failed: 2 }, 8).failed).toBe(2);
});
