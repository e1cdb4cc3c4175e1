/** Every failure of the load generator that is not the measured system's, with a stable code: one table. */

export const loadErrorCodes = {
  STACK_FAILED: 'The local stack did not start.',
  SETUP_FAILED: 'What is to be measured could not be set up.',
} as const;

export type LoadErrorCode = keyof typeof loadErrorCodes;

export class LoadError extends Error {
  readonly code: LoadErrorCode;

  constructor(code: LoadErrorCode, detail: string, options?: ErrorOptions) {
    super(`${loadErrorCodes[code]} ${detail}`, options);
    this.name = 'LoadError';
    this.code = code;
  }
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
