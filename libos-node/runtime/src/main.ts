/**
 * The entry of the guest's Node process: listens, and is ready as soon as it does. What is not needed for that (archives,
 * serialisers, the ES module loader) is loaded when an action asks for it.
 */
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { createActionServer } from './http-server.ts';
import { ActionService } from './service.ts';
import { takeSettings } from './settings.ts';

const settings = takeSettings(process.env);
const server = createActionServer(new ActionService({ concurrent: settings.concurrent }));
server.on('error', (error) => {
  process.stderr.write(`The action runtime cannot listen: ${error.message}\n`);
  process.exit(1);
});
server.listen(settings.listen, () => {
  if (settings.controlFd === undefined) return;
  const control = new Socket({ fd: settings.controlFd, readable: true, writable: true });
  const parentGone = () => {
    if (settings.folder !== undefined) rmSync(settings.folder, { recursive: true, force: true });
    process.kill(process.pid, 'SIGKILL');
  };
  control.on('end', parentGone).on('error', parentGone).resume();
  control.write('ready\n');
});
