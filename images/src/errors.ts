/** Every failure of building or reading an image: one table, stable codes. */

export const imageErrorCodes = {
  IMAGE_USAGE: 'Bad argument.',
  IMAGE_KIND_UNKNOWN: 'No such kind.',
  IMAGE_NODE_MISSING: 'The npm package with Node is not installed; `npm install` installs it.',
  IMAGE_KERNEL_MISSING: 'The LibOS kernel is not built; `npm run setup` builds it.',
  IMAGE_LIBRARY_MISSING: 'A shared library that Node needs is not on this machine.',
  IMAGE_RUNTIME_MISSING: 'A file of the action runtime is missing.',
  IMAGE_MANIFEST_BAD: 'The manifest source is not valid.',
  IMAGE_ELF_BAD: 'Not an ELF file that can be used.',
  IMAGE_LIBUV_MISSING: 'libuv-ebb is not built; `npm run setup` builds it.',
  IMAGE_LIBUV: 'The libuv of this Node cannot be redirected.',
  IMAGE_LAYOUT: 'The parts do not fit the address map.',
  IMAGE_FS_BAD: 'The file tree cannot be stored.',
  IMAGE_BAD: 'The image is damaged or of another version.',
} as const;

export type ImageErrorCode = keyof typeof imageErrorCodes;

export class ImageError extends Error {
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? imageErrorCodes[code] : `${imageErrorCodes[code]} ${detail}`, options);
    this.name = 'ImageError';
    this.code = code;
  }
}
