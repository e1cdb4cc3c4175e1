/** Every failure that starting or driving a VM can end in: one table, stable codes. */

export const vmErrorCodes = {
  VM_IMAGE_MISSING: 'No image for this kind and profile; `npm run image` builds it.',
  VM_IMAGE_BAD: 'The image is damaged or does not fit this build.',
  VM_TENDER_MISSING: 'ebbtender is not built; `npm run setup` builds it.',
  VM_KVM_UNUSABLE: '/dev/kvm is missing or cannot be used.',
  VM_ADDRESS_REFUSED: 'A port of the guest is shown on loopback addresses only, unless others are allowed.',
  VM_BOOT_FAILED: 'The VM ended before its guest listened.',
  VM_BOOT_TIMEOUT: 'The guest did not listen in time.',
  VM_ABORTED: 'Starting the VM was cancelled.',
  VM_NO_SNAPSHOT: 'This VM cannot be snapshotted.',
  VM_SNAPSHOT_FAILED: 'The snapshot of the VM was not taken.',
  VM_SNAPSHOT_REFUSED: 'The snapshot is damaged, or was made for something else.',
  VM_TEMPLATE_FAILED: 'There is no template to clone a VM from.',
  VM_ENDED: 'The VM has ended.',
} as const;

export type VmErrorCode = keyof typeof vmErrorCodes;

export class VmError extends Error {
  readonly code: VmErrorCode;

  constructor(code: VmErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? vmErrorCodes[code] : `${vmErrorCodes[code]} ${detail}`, options);
    this.name = 'VmError';
    this.code = code;
  }
}
