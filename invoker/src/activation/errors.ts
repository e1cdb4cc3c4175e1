/** The texts that an activation's user sees when it fails, word for word those of OpenWhisk, by the code under which the invoker logs and counts them. */

export const activationErrors = {
  ACTION_REMOVED: 'Action could not be found or may have been deleted.',
  ACTION_MISMATCH: 'Action version is not compatible and cannot be invoked.',
  ACTION_FETCH: 'Action could not be fetched.',
  PROVISION: 'Failed to provision resources to run the action.',
  INIT_EXITED: 'The action did not initialize and exited unexpectedly.',
  RUN_EXITED: 'The action did not produce a valid response and exited unexpectedly.',
  MEMORY: 'The action exhausted its memory and was aborted.',
  LOCKED_PARAMETERS: 'Encrypted parameters are not supported by this invoker.',
  LOG_FAILURE: 'There was an issue while collecting your logs. Data might be missing.',
  LOG_DEVELOPER_ERROR: 'The action did not initialize or run as expected. Log data might be missing.',
} as const;

export type ActivationErrorCode = keyof typeof activationErrors;

export const activationErrorText = {
  timedOut: (limitMs: number, phase: Phase) =>
    `The action exceeded its time limits of ${limitMs} milliseconds${phase === 'init' ? ' during initialization.' : '.'}`,
  invalidInitResponse: (body: string) => `The action failed during initialization${orDot(body)}`,
  invalidRunResponse: (body: string) => `The action did not produce a valid JSON or JSON Array response${orDot(body)}`,
  truncatedResponse: (trunk: string, length: number, limit: number) =>
    `The action produced a response that exceeded the allowed length: ${length} > ${limit} bytes. The truncated response was: ${trunk}`,
  logsTruncated: (limitBytes: number) =>
    `Logs were truncated because the total bytes size exceeds the limit of ${limitBytes} bytes.`,
} as const;

/** Which call to the VM an outcome is about. */
export type Phase = 'init' | 'run';

function orDot(body: string): string {
  return body === '' ? '.' : `: ${body}`;
}
