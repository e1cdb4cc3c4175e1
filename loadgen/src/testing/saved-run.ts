/** A saved run for tests. */

import type { SavedRun } from '../saved/run.ts';
import { savedFormat, savedVersion } from '../saved/run.ts';
import { Tally } from '../tally.ts';

export function sampleRun(changes: Partial<SavedRun> = {}): SavedRun {
  const tally = new Tally();
  for (let n = 1; n <= 100; n += 1) tally.add(n / 10, { ms: n / 8, start: n === 1 ? 'cold' : 'hot' });
  tally.fail(new Error('one'));
  return {
    format: savedFormat,
    version: savedVersion,
    label: 'sample',
    machine: {
      cpu: 'a processor',
      cores: 2,
      memoryGb: 23.5,
      kernel: '6.1',
      node: 'v24',
      virtual: true,
      kvm: true,
      load: 0.5,
      time: '2026-01-31T12:00:00.000Z',
    },
    options: { mode: 'hot', count: 101 },
    perSecond: 10,
    series: [tally.series('invocations')],
    windows: [[2, 3.5]],
    interference: {
      inside: { count: 30, p50: 1, p99: 4.5 },
      outside: { count: 300, p50: 0.5, p99: 1.5 },
      ratio: 3,
      allowed: 5,
      verdict: 'kept',
    },
    density: {
      what: 'cached',
      functions: 20,
      endedBy: 'count',
      memoryMb: 50,
      fixedMb: 31,
      noiseMb: 2,
      memoryEachMb: 1,
      diskMb: 24,
      diskEachMb: 1.2,
      ownEachMb: null,
      in20Gb: { memory: 20_450, disk: 17_066 },
      curve: [
        [1, 31, 1.2],
        [20, 50, 24],
      ],
    },
    ...changes,
  };
}
