/**
 * Every way to run a LibOS VM: both tenders, every profile. Suites for guests run once per entry; what this machine cannot run is skipped with the
 * reason.
 */
import type { BootVm, Profile } from '@ebbwhisk/libos-node';
import { bootLibos, defaultProfile, kvmRefusal, profiles } from '@ebbwhisk/libos-node';

export interface LibosTarget {
  readonly name: string;
  readonly tender: 'kvm' | 'process';
  readonly profile: Profile;
  readonly boot: BootVm;
  /** Why it cannot run here. */
  readonly unusable: string | undefined;
}

function kvmUnusable(): string | undefined {
  const code = kvmRefusal();
  return code === undefined ? undefined : `KVM: /dev/kvm cannot be used (${code})`;
}

const unusable = { process: undefined, kvm: kvmUnusable() };

export const libosTargets: readonly LibosTarget[] = (['process', 'kvm'] as const).flatMap((tender) =>
  profiles.map((profile) => ({
    name: `${tender} tender, ${profile}`,
    tender,
    profile,
    boot: (options) => bootLibos({ ...options, tender, profile }),
    unusable: unusable[tender],
  })),
);

/** One entry per tender, with the default profile: for suites where the profile makes no difference. */
export const libosTenders: readonly LibosTarget[] = libosTargets.filter(({ profile }) => profile === defaultProfile);
