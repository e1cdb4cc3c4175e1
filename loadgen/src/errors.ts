/** Every failure of the load generator that is not the measured system's, with a stable code: one table. */

export const loadErrorCodes = {
  STACK_FAILED: 'The local stack did not start.',
  SETUP_FAILED: 'What is to be measured could not be set up.',
  ENGINE_MISSING: 'There is no container engine that works.',
  IMAGE_MISSING: 'The image is not there, and cannot be pulled.',
  CONTAINER_FAILED: 'The container did not start.',
  SAVE_FAILED: 'The result could not be saved.',
  RUN_UNREADABLE: 'This is no saved result of this version.',
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
  // A timer that was aborted says so; why is what people want to know.
  if (error instanceof Error && error.name === 'AbortError' && error.cause instanceof Error) return error.cause.message;
  return error instanceof Error ? error.message : String(error);
}
