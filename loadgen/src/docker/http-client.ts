/** The action contract over TCP, on one kept-alive connection: VmClient for whatever is not behind a unix socket. */

import type { VmReply } from '@ebbwhisk/invoker/container/vm-client.ts';
import { Client } from 'undici';
import type { ContractClient } from '../vm/contract.ts';

export class HttpClient implements ContractClient {
  readonly #client: Client;

  constructor(origin: string) {
    this.#client = new Client(origin, { pipelining: 1, keepAliveTimeout: 600_000, headersTimeout: 0, bodyTimeout: 0 });
  }

  /** Never rejects. */
  async post(
    path: string,
    body: string | Buffer,
    timeoutMs: number,
    { maxBytes }: { readonly maxBytes: number },
  ): Promise<VmReply> {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    try {
      const answer = await this.#client.request({ path, method: 'POST', headers, body, signal });
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > maxBytes) throw new Error('the answer is too long');
        chunks.push(chunk);
      }
      const text = Buffer.concat(chunks).toString();
      return { kind: 'response', status: answer.statusCode, body: text, truncated: undefined };
    } catch (error) {
      return signal.aborted ? { kind: 'timeout' } : { kind: 'lost', error: error as Error };
    }
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}
