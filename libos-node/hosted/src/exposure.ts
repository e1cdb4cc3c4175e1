/**
 * Where ports of a guest may be shown on the host. Invariant: only on loopback, unless the caller says otherwise: an
 * inspector is as good as a shell in the guest.
 */
import { isIPv4 } from 'node:net';
import { VmError } from './errors.ts';
import type { BootOptions, ExposedPort } from './vm.ts';

/** Where Node's inspector listens in a guest, as in any other place. */
export const inspectorPort = 9229;

/** `[HOST:]PORT`; the address is 127.0.0.1 when it is left out. Undefined when it is something else. */
export function parseAddress(text: string): Omit<ExposedPort, 'guestPort'> | undefined {
  const colon = text.lastIndexOf(':');
  const name = colon === -1 ? 'localhost' : text.slice(0, colon);
  const host = name === 'localhost' ? '127.0.0.1' : name;
  const digits = text.slice(colon + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  return isIPv4(host) && port <= 65_535 ? { host, port } : undefined;
}

/** Throws VM_ADDRESS_REFUSED. */
export function checkExposure({ expose = [], inspect, allowRemote = false }: BootOptions): void {
  for (const { host, port } of inspect === undefined ? expose : [...expose, inspect]) {
    if (!isIPv4(host) || !(allowRemote || host.startsWith('127.'))) {
      throw new VmError('VM_ADDRESS_REFUSED', `${host}:${port}`);
    }
  }
}
