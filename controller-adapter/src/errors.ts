/**
 * Every failure of this package, with a stable code, in three tables: what the REST API answers (status and text as
 * OpenWhisk's controller words them, because clients match on them), what keeps the local stack from starting, and what
 * managing a running one can meet.
 */

interface ApiErrorEntry {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each entry has its own arguments; apiError() types them per code.
  readonly text: (...values: any[]) => string;
}

export const apiErrors = {
  // 400
  MALFORMED_CONTENT: { status: 400, text: (why: string) => `The request content was malformed:\n${why}` },
  MALFORMED_QUERY: {
    status: 400,
    text: (name: string, why: string) => `The query parameter '${name}' was malformed:\n${why}`,
  },
  MALFORMED_URL: { status: 400, text: () => 'The request URL is malformed.' },
  NAMESPACE_ILLEGAL: { status: 400, text: () => 'The namespace contains illegal characters.' },
  NAME_ILLEGAL: { status: 400, text: () => 'The name of the entity contains illegal characters.' },
  NAME_TOO_LONG: {
    status: 400,
    text: (what: string, is: number, allowed: number) => `${what} longer than allowed: ${is} > ${allowed}.`,
  },
  ACTIVATION_ID_LENGTH: {
    status: 400,
    text: (is: number) => `Activation id length is ${is} but must be 32.`,
  },
  ACTIVATION_ID_ILLEGAL: { status: 400, text: () => 'The activation id is not valid.' },
  EXEC_UNDEFINED: { status: 400, text: () => 'exec undefined' },
  LIMIT_OUT_OF_RANGE: { status: 400, text: (why: string) => why },
  PARAMETERS_NOT_ALLOWED: {
    status: 400,
    text: () => 'Request defines parameters that are not allowed (e.g., reserved properties).',
  },
  DOCS_WITH_COUNT: { status: 400, text: () => "The parameter 'docs' is not permitted with 'count'." },
  // 401, 403
  AUTHENTICATION_MISSING: {
    status: 401,
    text: () => 'The resource requires authentication, which was not supplied with the request',
  },
  AUTHENTICATION_INVALID: { status: 401, text: () => 'The supplied authentication is invalid' },
  NOT_AUTHORIZED: {
    status: 403,
    text: (resource: string) => `The supplied authentication is not authorized to access '${resource}'.`,
  },
  KIND_NOT_AUTHORIZED: {
    status: 403,
    text: (kind: string) => `The supplied authentication is not authorized to access actions of kind '${kind}'.`,
  },
  // 404, 405, 409, 413, 415, 429
  RESOURCE_MISSING: { status: 404, text: () => 'The requested resource does not exist.' },
  PATH_UNKNOWN: { status: 404, text: () => 'The requested resource could not be found.' },
  METHOD_NOT_ALLOWED: {
    status: 405,
    text: (methods: string) => `HTTP method not allowed, supported methods: ${methods}`,
  },
  RESOURCE_EXISTS: { status: 409, text: () => 'resource already exists' },
  CONCURRENT_MODIFICATION: { status: 409, text: () => 'Concurrent modification to resource detected.' },
  ENTITY_TOO_LARGE: {
    status: 413,
    text: (field: string, is: number, allowed: number) => `${field} larger than allowed: ${is} > ${allowed} bytes.`,
  },
  MESSAGE_TOO_LARGE: {
    status: 413,
    text: () => 'The request content is larger than the server is willing or able to process.',
  },
  CONTENT_TYPE_UNSUPPORTED: {
    status: 415,
    text: (type: string) => `The request's Content-Type [${type}] is not supported.\nExpected:\napplication/json`,
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    text: (count: number, allowed: number) =>
      `Too many requests in the last minute (count: ${count}, allowed: ${allowed}).`,
  },
  TOO_MANY_CONCURRENT: {
    status: 429,
    text: (count: number, allowed: number) =>
      `Too many concurrent requests in flight (count: ${count}, allowed: ${allowed}).`,
  },
  // 5xx
  INTERNAL: { status: 500, text: () => 'There was an internal server error.' },
  NOT_SUPPORTED: { status: 501, text: (feature: string) => `${feature} not supported yet.` },
  NO_INVOKER: {
    status: 503,
    text: () => 'The server is currently unavailable (because it is overloaded or down for maintenance).',
  },
} as const satisfies Record<string, ApiErrorEntry>;

export type ApiErrorCode = keyof typeof apiErrors;
type ApiErrorValues<C extends ApiErrorCode> = Parameters<(typeof apiErrors)[C]['text']>;

/** A failure that is answered to the client: `status`, and `message` as the body's `error`. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ApiErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = apiErrors[code].status;
    this.headers = headers;
  }
}

/** @example throw apiError('NOT_AUTHORIZED', 'other/hello'); */
export function apiError<C extends ApiErrorCode>(code: C, ...values: ApiErrorValues<C>): ApiError {
  const { text }: ApiErrorEntry = apiErrors[code];
  return new ApiError(code, text(...values));
}

export const setupErrors = {
  DATA_DIR_UNUSABLE: 'The data folder cannot be used.',
  DATA_DIR_IN_USE: 'The data folder is in use by another Ebbwhisk; end that one, or choose another with --data-dir.',
  STORE_TOO_NEW: 'The data folder was written by a newer version of Ebbwhisk.',
  STORE_DAMAGED: 'The database in the data folder cannot be read.',
  PORT_IN_USE: 'The port is in use; end what listens there, or choose another with --port.',
  ADDRESS_UNUSABLE: 'The address cannot be listened on.',
  USERS_FILE_INVALID: 'The users file is not valid.',
  OPTION_INVALID: 'An option is not valid.',
  INVOKER_NOT_READY: 'The invoker did not report itself in time.',
  CONTROL_PATH_TOO_LONG: 'The path of the management socket is too long; choose a shorter --data-dir.',
  CONTROL_UNUSABLE: 'The management socket cannot be made.',
} as const;

export type SetupErrorCode = keyof typeof setupErrors;

/** A failure before the stack is ready; `message` is for the person who started it. */
export class SetupError extends Error {
  readonly code: SetupErrorCode;

  constructor(code: SetupErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? setupErrors[code] : `${setupErrors[code]} ${detail}`, options);
    this.name = 'SetupError';
    this.code = code;
  }
}

export const managementErrors = {
  VM_UNKNOWN: { status: 404, text: (id: string) => `There is no VM ${id}.` },
  PATH_UNKNOWN: { status: 404, text: (path: string) => `There is nothing at ${path}.` },
  METHOD_NOT_ALLOWED: { status: 405, text: (method: string) => `${method} is not possible here.` },
  KILL_TIMEOUT: { status: 504, text: (id: string) => `The VM ${id} was told to end, but has not yet.` },
  INTERNAL: { status: 500, text: () => 'The stack failed to answer.' },
  // Of the side that asks.
  STACK_MISSING: {
    status: 0,
    text: (dataDir: string) =>
      `No stack runs on ${dataDir}; start one with \`npm start\`, or name another with --data-dir.`,
  },
  STACK_UNREACHABLE: { status: 0, text: (why: string) => `The stack cannot be reached: ${why}` },
  STACK_UNREADABLE: { status: 0, text: (why: string) => `The stack's answer is not understood: ${why}` },
} as const;

export type ManagementErrorCode = keyof typeof managementErrors;

/** A failure of `npm run ps`, `top`, `logs` or `kill`, on either side of the socket. */
export class ManagementError extends Error {
  readonly code: ManagementErrorCode;

  constructor(code: ManagementErrorCode, about = '', options?: ErrorOptions) {
    super(managementErrors[code].text(about), options);
    this.name = 'ManagementError';
    this.code = code;
  }
}

/** The store's document changed, appeared or vanished between reading and writing. */
export class ConflictError extends Error {
  readonly code = 'STORE_CONFLICT';

  constructor(id: string) {
    super(`The document ${id} was changed meanwhile.`);
    this.name = 'ConflictError';
  }
}
