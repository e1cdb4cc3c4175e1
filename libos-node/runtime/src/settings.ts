/**
 * What the environment of the process says about the runtime itself. The EBB_ variables are taken out of process.env:
 * they are between the host and the runtime, and an action (or a program that it starts) must not see them.
 */

import { type InspectorSettings, parseInspector } from './inspector.ts';

export interface Settings {
  /** Where to listen: a unix socket path, or a TCP port on all addresses of the guest. */
  readonly listen: { readonly path: string } | { readonly port: number; readonly host: string };
  /** A stream socket that came with the process: it is told of readiness, and its end means that the parent is gone. */
  readonly controlFd: number | undefined;
  /** What to remove when the parent is gone and cannot do it. */
  readonly folder: string | undefined;
  /** Absent but when a debugger was asked for. */
  readonly inspector: InspectorSettings | undefined;
  /** The process is to become a template: it warms up before it listens, and its clones make themselves different. */
  readonly template: boolean;
  /** Whether /run may be called while another /run is under way. */
  readonly concurrent: boolean;
}

const defaultPort = 8080;

export function allowsConcurrency(env: NodeJS.ProcessEnv): boolean {
  return env.__OW_ALLOW_CONCURRENT?.toLowerCase() === 'true';
}

export function takeSettings(env: NodeJS.ProcessEnv): Settings {
  const take = (name: string): string | undefined => {
    const value = env[name];
    delete env[name];
    return value === '' ? undefined : value;
  };
  const path = take('EBB_RUNTIME_SOCKET');
  const port = take('EBB_RUNTIME_PORT');
  const inspector = take('EBB_RUNTIME_INSPECTOR');
  const controlFd = take('EBB_RUNTIME_CONTROL_FD');
  return {
    listen: path !== undefined ? { path } : { port: port === undefined ? defaultPort : Number(port), host: '0.0.0.0' },
    controlFd: controlFd === undefined ? undefined : Number(controlFd),
    inspector: inspector === undefined ? undefined : parseInspector(inspector),
    folder: take('EBB_RUNTIME_FOLDER'),
    template: take('EBB_RUNTIME_TEMPLATE') !== undefined,
    concurrent: allowsConcurrency(env),
  };
}
