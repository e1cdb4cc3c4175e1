/** What an archive may be at most, and the error of one that is more or is malformed. */

export interface ArchiveLimits {
  /** Files, folders and links together. */
  readonly entries: number;
  /** Bytes of all files once unpacked. They live in the guest's memory. */
  readonly unpackedBytes: number;
  /** Unpacked bytes per packed byte, looked at once more than `ratioFreeBytes` were unpacked: small archives may compress well. */
  readonly ratio: number;
  readonly ratioFreeBytes: number;
  readonly pathBytes: number;
}

export const archiveLimits: ArchiveLimits = {
  entries: 65_536,
  unpackedBytes: 512 * 1024 * 1024,
  ratio: 100,
  ratioFreeBytes: 16 * 1024 * 1024,
  pathBytes: 4096,
};

/** The reason, for people, why an archive is refused. */
export class ArchiveError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'ArchiveError';
  }
}

/** Throws when `unpacked` bytes of an archive of `packed` bytes are too much. */
export function checkUnpacked(unpacked: number, packed: number, limits: ArchiveLimits): void {
  if (unpacked > limits.unpackedBytes) {
    throw new ArchiveError(`The archive unpacks to more than ${limits.unpackedBytes} bytes.`);
  }
  if (unpacked > limits.ratioFreeBytes && unpacked > packed * limits.ratio) {
    throw new ArchiveError(`The archive unpacks to more than ${limits.ratio} times its size.`);
  }
}
