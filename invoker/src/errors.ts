/** Every failure of the invoker package, with a stable code: one table. What an action's user sees is in activation-errors.ts. */

export const invokerErrorCodes = {
  BUS_MESSAGE_TOO_LARGE: 'The message exceeds the size that the bus takes.',
  BUS_UNAVAILABLE: 'The bus takes no messages.',
  MESSAGE_INVALID: 'A message is not of the shape that the protocol fixes.',
  ACTION_MISSING: 'The store has no such action.',
  ACTION_UNREADABLE: 'The stored action cannot be executed by this invoker.',
  ACTION_FETCH_FAILED: 'The store did not answer.',
  POOL_CLOSED: 'The pool takes no more activations.',
  POOL_TOO_SMALL: 'The action needs more memory than the whole pool has.',
} as const;

export type InvokerErrorCode = keyof typeof invokerErrorCodes;

export class InvokerError extends Error {
  readonly code: InvokerErrorCode;

  constructor(code: InvokerErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? invokerErrorCodes[code] : `${invokerErrorCodes[code]} ${detail}`, options);
    this.name = 'InvokerError';
    this.code = code;
  }
}

export class BusError extends InvokerError {
  constructor(
    code: Extract<InvokerErrorCode, 'BUS_MESSAGE_TOO_LARGE' | 'BUS_UNAVAILABLE'>,
    detail?: string,
    options?: ErrorOptions,
  ) {
    super(code, detail, options);
    this.name = 'BusError';
  }
}

/** The text of anything that was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
