/** Entry of `npm run vm`: vm-command.ts with this process's streams and signals. */
import { bootLibos } from '../libos/libos-vm.ts';
import { runVmCommand } from './vm-command.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
const { stdout, stderr } = process;
// A reader that went away must not end the VM.
for (const stream of [stdout, stderr]) stream.on('error', () => {});

process.exitCode = await runVmCommand(process.argv.slice(2), { boot: bootLibos, stdout, stderr, stop: stop.signal });
