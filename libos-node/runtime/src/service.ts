/**
 * The action contract as a state machine: one /init, then /run after /run, one at a time unless concurrency is allowed.
 *
 * Invariant: after a failed init or a thrown run the status is `stopped` for good; whoever drives the contract has to throw the
 * process away. Sentinels end every run and every failed init, and nothing else. Differs from the stock runtime in one
 * point: a /run whose argument is no dictionary is refused without leaving the status at `running` for ever.
 */
import { setInitEnvironment, setRunEnvironment } from './environment.ts';
import { type Answer, errorAnswer, InitError } from './errors.ts';
import { initialize } from './initializer.ts';
import { logError, outputDrained, writeSentinels } from './logs.ts';
import { type Handler, runHandler } from './runner.ts';
import { allowsConcurrency } from './settings.ts';

type Status = 'ready' | 'starting' | 'running' | 'stopped';

type Message = Readonly<Record<string, unknown>>;

const okAnswer: Answer = { status: 200, body: '{"OK":true}' };

export class ActionService {
  #concurrent: boolean;
  readonly #debug: boolean;
  #status: Status = 'ready';
  #handler: Handler | undefined;

  /** `debug`: a debugger is there, and stops where the action's code begins. */
  constructor(options: { readonly concurrent: boolean; readonly debug?: boolean }) {
    this.#concurrent = options.concurrent;
    this.#debug = options.debug === true;
  }

  async init(body: Message): Promise<Answer> {
    if (this.#handler !== undefined) return this.#refuse(errorAnswer('INIT_TWICE'));
    if (this.#status !== 'ready') return this.#refuse(errorAnswer('NOT_READY', `${this.#status}.`));
    const message = (body.value ?? {}) as Message;
    const { main, code, binary, env } = message;
    if (typeof main !== 'string' || typeof code !== 'string' || main === '' || code === '') {
      return errorAnswer('MISSING_CODE');
    }
    this.#status = 'starting';
    try {
      setInitEnvironment(env);
      // A clone has the environment of its template: what belongs to the VM of one action comes with its code.
      this.#concurrent ||= allowsConcurrency(process.env);
      this.#handler = await initialize({ main, code, binary: Boolean(binary), debug: this.#debug });
      this.#status = 'ready';
      await outputDrained();
      return okAnswer;
    } catch (error) {
      this.#status = 'stopped';
      logError('Error during initialization:', error instanceof InitError ? error.message : error);
      writeSentinels();
      await outputDrained();
      return errorAnswer('INIT_FAILED', describe(error, true));
    }
  }

  async run(body: Message): Promise<Answer> {
    if (this.#handler === undefined) return this.#refuse(errorAnswer('NOT_INITIALIZED'));
    if (this.#status !== 'ready') return this.#refuse(errorAnswer('NOT_READY', `${this.#status}.`));
    const argument = body.value ?? {};
    if (typeof argument !== 'object') return this.#refuse(errorAnswer('BAD_ARGUMENT', `'${typeof argument}'.`));
    if (!this.#concurrent) this.#status = 'running';
    setRunEnvironment(body);
    const outcome = await runHandler(this.#handler, argument);
    const answer = 'thrown' in outcome ? failed(outcome.thrown) : valueAnswer(outcome.value);
    if ('thrown' in outcome) this.#status = 'stopped';
    else if (this.#status === 'running') this.#status = 'ready';
    writeSentinels();
    const draining = outputDrained();
    if (draining !== undefined) await draining;
    return answer;
  }

  /** A request that does not touch the action: told on stderr, without sentinels. */
  async #refuse(answer: Answer): Promise<Answer> {
    logError('Internal system error:', (JSON.parse(answer.body) as { error: string }).error);
    await outputDrained();
    return answer;
  }
}

function failed(error: unknown): Answer {
  logError(error);
  return errorAnswer('RUN_FAILED', describe(error, false));
}

function valueAnswer(value: unknown): Answer {
  if (typeof value !== 'object') {
    logError(`Result must be of type object but has type "${typeof value}":`, value);
    return errorAnswer('BAD_RESULT');
  }
  try {
    const body = JSON.stringify(value) as string | undefined;
    return body === undefined ? errorAnswer('BAD_RESULT') : { status: 200, body };
  } catch (error) {
    // Cycles, BigInt, a toJSON that throws, a text beyond V8's limit. The action itself is sound: it may run again.
    return failed(error);
  }
}

function describe(error: unknown, withStack: boolean): string {
  try {
    if (error instanceof InitError) return error.message;
    const stack = withStack ? (error as { stack?: unknown } | null | undefined)?.stack : undefined;
    return stack ? String(stack) : String(error);
  } catch {
    return 'an error that has no text';
  }
}
