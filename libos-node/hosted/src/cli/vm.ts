/** Entry of `npm run vm`: vm-command.ts with this process's streams and signals. */
import { Templates } from '../libos/templates.ts';
import { runVmCommand } from './vm-command.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
const { stdout, stderr } = process;
// A reader that went away must not end the VM.
for (const stream of [stdout, stderr]) stream.on('error', () => {});

const templates = new Templates();
try {
  const { startAlone: boot } = templates;
  process.exitCode = await runVmCommand(process.argv.slice(2), { boot, stdout, stderr, stop: stop.signal });
} finally {
  await templates.close();
}
