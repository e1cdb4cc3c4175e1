import { accessSync, constants } from 'node:fs';

/** Why /dev/kvm may not be opened, as an error code; undefined when it may. Whether it works is only known by booting. */
export function kvmRefusal(): string | undefined {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
