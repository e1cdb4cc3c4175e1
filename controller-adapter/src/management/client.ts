/** The other end of the management socket: typed calls, and errors that a person can act on. */

import { type IncomingMessage, request } from 'node:http';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { LogLine } from '@ebbwhisk/invoker/container/recent-logs.ts';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { ManagementError, type ManagementErrorCode, managementErrors } from '../errors.ts';
import { controlPath, failure, type Killed, killed, logLine, type VmRow, vmRows } from './protocol.ts';

/** Every call rejects with ManagementError, also STACK_MISSING when no stack runs on the folder. */
export class ManagementClient {
  readonly #dataDir: string;
  readonly #signal: AbortSignal | undefined;

  constructor(dataDir: string, signal?: AbortSignal) {
    this.#dataDir = dataDir;
    this.#signal = signal;
  }

  async vms(): Promise<VmRow[]> {
    return checked(vmRows, await textOf(await this.#open('GET', '/vms')));
  }

  async kill(id: string): Promise<Killed> {
    return checked(killed, await textOf(await this.#open('POST', `/vms/${encodeURIComponent(id)}/kill`)));
  }

  /** The last lines; with `follow` also those to come, until the VM ends. */
  async *logs(id: string, follow: boolean): AsyncGenerator<LogLine> {
    const stream = await this.#open('GET', `/vms/${encodeURIComponent(id)}/logs${follow ? '?follow=true' : ''}`);
    try {
      for await (const line of createInterface({ input: stream })) yield checked(logLine, line);
    } catch (error) {
      throw error instanceof ManagementError ? error : unreachable(error);
    } finally {
      stream.destroy();
    }
  }

  #open(method: 'GET' | 'POST', path: string): Promise<IncomingMessage> {
    const socketPath = controlPath(resolve(this.#dataDir));
    const { promise, resolve: resolveStream, reject } = Promise.withResolvers<IncomingMessage>();
    const signal = this.#signal;
    const call = request({ socketPath, method, path, agent: false, ...(signal === undefined ? {} : { signal }) });
    call.once('error', (error: NodeJS.ErrnoException) => {
      const missing = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'].includes(error.code ?? '');
      reject(missing ? new ManagementError('STACK_MISSING', this.#dataDir, { cause: error }) : unreachable(error));
    });
    call.once('response', (response) => {
      if (response.statusCode === 200) resolveStream(response);
      else
        textOf(response)
          .then((text) => reject(failureOf(text)))
          .catch(reject);
    });
    call.end();
    return promise;
  }
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    throw unreachable(error);
  }
  return Buffer.concat(chunks).toString();
}

function unreachable(error: unknown): ManagementError {
  const why = error instanceof Error ? error.message : String(error);
  return new ManagementError('STACK_UNREACHABLE', why, { cause: error });
}

/** As the stack worded it. */
function failureOf(text: string): ManagementError {
  const { code, error: message } = checked(failure, text);
  if (!Object.hasOwn(managementErrors, code)) return new ManagementError('STACK_UNREADABLE', code);
  const error = new ManagementError(code as ManagementErrorCode);
  error.message = message;
  return error;
}

function checked<S extends TSchema>(schema: S, text: string): Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ManagementError('STACK_UNREADABLE', (error as Error).message, { cause: error });
  }
  if (Value.Check(schema, value)) return value as Static<S>;
  throw new ManagementError('STACK_UNREADABLE', 'it is of another version');
}
