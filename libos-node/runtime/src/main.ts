/**
 * The entry of the guest's Node process: listens, and is ready as soon as it does. What is not needed for that (archives,
 * serialisers, the ES module loader) is loaded when an action asks for it.
 */
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { createActionServer } from './http-server.ts';
import { openInspector, waitForDebugger } from './inspector.ts';
import { ActionService } from './service.ts';
import { takeSettings } from './settings.ts';

const settings = takeSettings(process.env);
const { inspector } = settings;
const inspectorUrl = inspector && openInspector(inspector);
// Whoever asked for it must not wait in vain for a debugger's connection.
if (inspector !== undefined && inspectorUrl === undefined) process.exit(1);
const debug = inspector?.wait === true;

function createService(): ActionService {
  return new ActionService({ concurrent: settings.concurrent, debug });
}

function cloneWatch(): (() => void) | undefined {
  if (!settings.template) return undefined;
  const { watchForClone } = require('./template.ts') as typeof import('./template.ts');
  return watchForClone();
}

const server = createActionServer(createService(), cloneWatch());
server.on('error', (error) => {
  process.stderr.write(`The action runtime cannot listen: ${error.message}\n`);
  process.exit(1);
});
if (settings.template) {
  const { warmUp } = require('./template.ts') as typeof import('./template.ts');
  warmUp(() => createActionServer(createService(), cloneWatch())).then(listen);
} else {
  listen();
}

function listen(): void {
  server.listen(settings.listen, onListening);
}

function onListening(): void {
  // Requests wait meanwhile. Here rather than in /init: a debugger that attached before would not say it again.
  if (debug) setImmediate(waitForDebugger);
  if (settings.controlFd === undefined) return;
  const control = new Socket({ fd: settings.controlFd, readable: true, writable: true });
  const parentGone = () => {
    if (settings.folder !== undefined) rmSync(settings.folder, { recursive: true, force: true });
    process.kill(process.pid, 'SIGKILL');
  };
  control.on('end', parentGone).on('error', parentGone).resume();
  control.write(inspectorUrl === undefined ? 'ready\n' : `ready ${inspectorUrl}\n`);
}
