/**
 * Runs programs of the corpus in VMs of one target: many in one VM, one after the other, but for those that need their own.
 *
 * Invariant: a program finds a VM that answers. One that ended its VM, or ran too long, costs that VM; the next program gets
 * a new one.
 */
import type { BootVm, ExitReport } from '@ebbwhisk/libos-node';
import { type Session, sentinel, sessions } from '../contract/session.ts';
import { corpusArchive, type Program } from './corpus.ts';

/** All that a program leaves behind: what must be equal. Texts are free of the paths and ids that differ between runs. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** The answer of /run; absent when the VM ended instead. */
  readonly result?: unknown;
  readonly exit?: Pick<ExitReport, 'reason' | 'code' | 'signal'>;
}

export interface HostOptions {
  readonly boot: BootVm;
  readonly kind: string;
  readonly env?: Readonly<Record<string, string>>;
}

const deadlineMs = 30_000;

export class ProgramHost {
  readonly #options: HostOptions;
  #session: Session | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  async run({ name, ownVm }: Program): Promise<Outcome> {
    if (ownVm) await this.end();
    this.#session ??= await this.#open();
    const session = this.#session;
    session.records.length = 0;
    const timer = setTimeout(() => void session.vm.end(), deadlineMs);
    const reply = await session.run({ program: name }).catch(() => undefined);
    clearTimeout(timer);
    if (reply === undefined) {
      const exit = pick(await session.vm.exited);
      this.#session = undefined;
      return { ...(await texts(session)), exit };
    }
    const outcome = { ...(await texts(session)), result: reply.json };
    if (ownVm) await this.end();
    return outcome;
  }

  async end(): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]();
    this.#session = undefined;
  }

  async #open(): Promise<Session> {
    const { boot, kind, env = {} } = this.#options;
    const session = await sessions(boot, kind)({ memoryMb: 512, env });
    const reply = await session.initArchive(corpusArchive());
    if (reply.status !== 200) throw new Error(`init: ${reply.text}`);
    return session;
  }
}

function pick({ reason, code, signal }: ExitReport): NonNullable<Outcome['exit']> {
  return { reason, ...(code === undefined ? {} : { code }), ...(signal === undefined ? {} : { signal }) };
}

async function texts(session: Session): Promise<{ stdout: string; stderr: string }> {
  return { stdout: normalized(await session.log('stdout')), stderr: normalized(await session.log('stderr')) };
}

function normalized(text: string): string {
  return text
    .replaceAll(`${sentinel}\n`, '')
    .replaceAll(/(file:\/\/)?\/[^\s:'"()]*\/programs\//g, 'programs/')
    .replaceAll(/(file:\/\/)?(\/[^\s:'"()]*)?\/nodejsAction\//g, 'runtime/')
    .replaceAll(/(file:\/\/)?\/[^\s:'"()]*\/index\.js/g, 'runner')
    .replaceAll(/compat-\w{6}/g, 'compat-')
    .replaceAll(/\(node:\d+\)/g, '(node:PID)');
}
