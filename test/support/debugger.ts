/** A debugger: a client of Node's inspector over its WebSocket, as `node inspect` and Chrome are. */

export interface Paused {
  readonly url: string;
  /** From 0. */
  readonly line: number;
  readonly functionName: string;
  /** The value of an expression in the innermost frame. */
  evaluate(expression: string): Promise<unknown>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: never;
  readonly result?: never;
  readonly error?: { readonly message: string };
}

interface CallFrame {
  readonly callFrameId: string;
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number };
}

const timeoutMs = 10_000;

export class DebuggerClient {
  readonly #socket: WebSocket;
  readonly #calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  readonly #scripts = new Map<string, string>();
  readonly #pauses: Paused[] = [];
  #onPause: ((paused: Paused) => void) | undefined;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#onMessage(JSON.parse(String(data)) as Message));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#calls.values()) reject(new Error('the inspector closed the connection'));
      this.#calls.clear();
    });
  }

  /** Finds the guest's WebSocket behind HOST:PORT and attaches. */
  static async attach(address: string): Promise<DebuggerClient> {
    const response = await fetch(`http://${address}/json/list`, { signal: AbortSignal.timeout(timeoutMs) });
    const [target] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
    const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error('no connection to the inspector')), { once: true });
    });
    const client = new DebuggerClient(socket);
    await client.call('Runtime.enable');
    await client.call('Debugger.enable');
    return client;
  }

  call(method: string, params: object = {}): Promise<never> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<never>();
    this.#calls.set(id, { resolve, reject });
    this.#socket.send(JSON.stringify({ id, method, params }));
    return promise;
  }

  /** The next pause, also one that came since the last call. */
  paused(): Promise<Paused> {
    const first = this.#pauses.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the guest does not pause')), timeoutMs);
      this.#onPause = (paused) => {
        clearTimeout(timer);
        resolve(paused);
      };
    });
  }

  close(): void {
    this.#socket.close();
  }

  #onMessage({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(result as never);
      else call?.reject(new Error(error.message));
    } else if (method === 'Debugger.scriptParsed') {
      const { scriptId, url } = params as unknown as { scriptId: string; url: string };
      this.#scripts.set(scriptId, url);
    } else if (method === 'Debugger.paused') {
      const [frame] = (params as unknown as { callFrames: CallFrame[] }).callFrames;
      if (frame === undefined) return;
      const paused = this.#describe(frame);
      const waiting = this.#onPause;
      this.#onPause = undefined;
      if (waiting === undefined) this.#pauses.push(paused);
      else waiting(paused);
    }
  }

  #describe({ callFrameId, functionName, location }: CallFrame): Paused {
    return {
      url: this.#scripts.get(location.scriptId) ?? '',
      line: location.lineNumber,
      functionName,
      evaluate: async (expression) => {
        const options = { callFrameId, expression, returnByValue: true };
        const { result } = (await this.call('Debugger.evaluateOnCallFrame', options)) as unknown as {
          result: { value: unknown };
        };
        return result.value;
      },
    };
  }
}
