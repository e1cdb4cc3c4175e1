/** Node's inspector, opened by whoever starts the process: where it listens, and waiting for a debugger before anything is served. */

export interface InspectorSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Serve nothing before a debugger has attached, and stop where the action begins. */
  readonly wait: boolean;
}

/** `HOST:PORT`, with `,wait` behind it. */
export function parseInspector(text: string): InspectorSettings {
  const [address = '', ...flags] = text.split(',');
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)), wait: flags.includes('wait') };
}

/** The address that a debugger connects to; undefined when it cannot listen (Node has said why on stderr). */
export function openInspector({ host, port }: InspectorSettings): string | undefined {
  // At the moment of need: no other VM loads it.
  const inspector = require('node:inspector') as typeof import('node:inspector');
  const { emitWarning } = process;
  // Node warns of addresses beyond loopback. Those of a guest lead to its tender, where whoever asked for this was warned.
  process.emitWarning = () => {};
  try {
    inspector.open(port, host);
  } finally {
    process.emitWarning = emitWarning;
  }
  return inspector.url();
}

/** Blocks until a debugger has attached and says that it is ready to go. */
export function waitForDebugger(): void {
  (require('node:inspector') as typeof import('node:inspector')).waitForDebugger();
}
