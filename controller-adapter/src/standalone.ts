/**
 * `npm start`: the local stack as a program. stdout carries the lines to copy, stderr the log. SIGINT and SIGTERM drain
 * and exit 0, a second one ends at once; what keeps it from starting is one clear line and exit status 1.
 */

import { guest } from './auth/users.ts';
import { SetupError } from './errors.ts';
import { createLog } from './standalone/log.ts';
import { parseOptions } from './standalone/options.ts';
import { type Stack, startStack } from './standalone/stack.ts';

const options = parseOptions(process.argv.slice(2));
const log = createLog(options.logLevel);

try {
  const stack = await startStack({
    port: options.port,
    host: options.host,
    dataDir: options.dataDir,
    target: options.target,
    tender: options.tender,
    memoryMb: options.memory,
    ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
    prepared: options.pool,
    snapshotMb: options.snapshots,
    ...(options.users === undefined ? {} : { users: options.users }),
    gatewayPorts: options.gatewayPort,
    log,
  });
  endOnSignals(stack);
  process.stdout.write(welcome(stack));
} catch (error) {
  if (error instanceof SetupError) process.stderr.write(`${error.code}: ${error.message}\n`);
  else log.fatal({ err: error }, 'the stack did not start');
  // Not process.exit(): the log may still be on its way out. Whatever was opened has been closed.
  process.exitCode = 1;
}

function welcome({ url, guest: hasGuest }: Stack): string {
  const auth = hasGuest ? `${guest.uuid}:${guest.key}` : '<uuid>:<key>';
  return [
    `Ebbwhisk is ready at ${url}`,
    '',
    `  wsk property set --apihost ${url} --auth ${auth}`,
    `  curl -u ${auth} ${url}/api/v1/namespaces/_/actions`,
    '',
    '',
  ].join('\n');
}

function endOnSignals(stack: Stack): void {
  let ending = false;
  const end = (signal: NodeJS.Signals) => {
    if (ending) process.exit(1);
    ending = true;
    log.info({ signal }, 'ending; a second signal does not wait');
    stack.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'ending failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}
