/** What the corpus runs on: plain Node, whose answers are the expectation, and every LibOS VM. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindByName, nodePackageOf } from '@ebbwhisk/images/kinds.ts';
import { createProcessBoot } from '@ebbwhisk/libos-node';
import type { LibosTarget } from '../support/libos-targets.ts';
import type { Program } from './corpus.ts';
import { type Outcome, ProgramHost } from './program-host.ts';

/** Plain Node of a kind, under the same action runtime. Each program runs once; its outcome is kept for this process only. */
export class PlainNode {
  readonly #folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'compat-plain-'));
  readonly #host: ProgramHost;
  readonly #outcomes = new Map<string, Promise<Outcome>>();

  constructor(kind: string) {
    const boot = createProcessBoot({ nodes: { [kind]: nodePackageOf(kindByName(kind)).binaryPath } });
    // Files lie in memory, as those of a VM do: on disks, Node sees other orders and sizes.
    this.#host = new ProgramHost({ boot, kind, env: { TMPDIR: this.#folder } });
  }

  outcome(program: Program): Promise<Outcome> {
    let outcome = this.#outcomes.get(program.name);
    if (outcome === undefined) {
      outcome = this.#host.run(program);
      this.#outcomes.set(program.name, outcome);
    }
    return outcome;
  }

  async end(): Promise<void> {
    await this.#host.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function libosHost(kind: string, { boot }: LibosTarget): ProgramHost {
  return new ProgramHost({ boot, kind });
}
