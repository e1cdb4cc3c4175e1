/**
 * Every error text of the action contract, in one table, with the HTTP status that carries it. Texts and statuses up to
 * BAD_REQUEST are the interface of the stock runtime: clients compare them. The rest is what the stock runtime lacks.
 */

export const contractErrors = {
  MISSING_CODE: { status: 403, text: 'Missing main/no code to execute.' },
  INIT_TWICE: { status: 403, text: 'Cannot initialize the action more than once.' },
  NOT_READY: { status: 403, text: 'System not ready, status is ' },
  NOT_INITIALIZED: { status: 403, text: 'System not initialized.' },
  BAD_ARGUMENT: { status: 403, text: 'Internal system error: the argument must be a dictionary but has type ' },
  INIT_FAILED: { status: 502, text: 'Initialization has failed due to: ' },
  RUN_FAILED: { status: 502, text: 'An error has occurred: ' },
  BAD_RESULT: { status: 502, text: 'The action did not return a dictionary.' },
  BAD_REQUEST: { status: 500, text: 'Bad request.' },
  BODY_TOO_LARGE: { status: 413, text: 'The request body exceeds the limit of ' },
  INTERNAL: { status: 500, text: 'Internal error.' },
} as const;

export type ContractErrorCode = keyof typeof contractErrors;

/** What the HTTP service sends: `body` is JSON text. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The answer for `code`; `detail` continues its text. */
export function errorAnswer(code: ContractErrorCode, detail = ''): Answer {
  const { status, text } = contractErrors[code];
  return { status, body: JSON.stringify({ error: text + detail }) };
}

export const initErrors = {
  ARCHIVE_TYPE: 'There was an error uncompressing the action archive. The file type is unsupported',
  ARCHIVE_ZIP: 'There was an error uncompressing the action Zip archive.',
  ARCHIVE_TAR: 'There was an error uncompressing the action Tar GZ archive.',
  NO_ENTRY: 'Zipped actions must contain either package.json or index.js at the root.',
  BAD_MAIN: 'Name of main function is not valid.',
  NOT_A_FUNCTION: 'Action entrypoint ',
} as const;

export type InitErrorCode = keyof typeof initErrors;

/** Why an action cannot be initialised. Its message alone is shown to the user: a stack of the runtime would mislead. */
export class InitError extends Error {
  readonly code: InitErrorCode;

  constructor(code: InitErrorCode, detail = '') {
    super(initErrors[code] + detail);
    this.name = 'InitError';
    this.code = code;
  }
}
