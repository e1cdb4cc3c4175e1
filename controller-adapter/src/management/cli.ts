/** Entry of `npm run ps`, `top`, `logs`, `kill` and `reports`: commands.ts with this process's streams and signals. */

import { runManagement } from './commands.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
const { stdout, stderr } = process;
// The reader of `top | head` has what it wanted.
stdout.on('error', () => stop.abort());

process.exitCode = await runManagement(process.argv.slice(2), { stdout, stderr, signal: stop.signal });
