/**
 * What `npm run vm` does: one LibOS VM in the foreground. stdout carries the guest's stdout alone; stderr one line `ready`, printed
 * when the guest listens, and then the guest's stderr.
 *
 * Exit status: 0 when ended by SIGTERM or SIGINT; the guest's own when it exits; 128 + signal when it dies of one; 137 for memory;
 * 1 when the VM cannot be started or its tender fails; 2 for bad arguments.
 */
import { constants } from 'node:os';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { VmError } from '../errors.ts';
import { inspectorPort, parseAddress } from '../exposure.ts';
import { defaultProfile, isKindName, profiles } from '../paths.ts';
import type {
  BootOptions,
  BootVm,
  ExitReport,
  ExposedPort,
  InspectOptions,
  LogRecord,
  Profile,
  TenderKind,
  Vm,
} from '../vm.ts';

type Address = Omit<ExposedPort, 'guestPort'>;

interface Options {
  readonly kind: string;
  readonly tender: TenderKind;
  readonly port?: number;
  readonly env: Readonly<Record<string, string>>;
  readonly memory: number;
  readonly profile: Profile;
  readonly gatewayPort: readonly number[];
  readonly allowPrivate: boolean;
  readonly expose: readonly ExposedPort[];
  readonly inspect?: Address | true;
  readonly inspectBrk?: Address | true;
  readonly allowRemote: boolean;
  readonly cpuShares?: number;
  readonly cpuQuota?: number;
  readonly trace: boolean;
}

/** A guest that was just started answers within milliseconds. */
const inspectorTimeoutMs = 2_000;

function parseInteger(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= from && value <= to)) throw new InvalidArgumentError(`Expected a number from ${from} to ${to}.`);
    return value;
  };
}

const parsePort = parseInteger(1, 65_535);

function parseKind(text: string): string {
  if (!isKindName(text)) throw new InvalidArgumentError('Expected a kind such as nodejs:24.');
  return text;
}

function parseInspect(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError('Expected PORT or HOST:PORT, with an IPv4 address.');
  return address;
}

function parseExpose(text: string, previous: readonly ExposedPort[]): readonly ExposedPort[] {
  const colon = text.lastIndexOf(':');
  const address = parseAddress(text.slice(0, Math.max(colon, 0)));
  const guestPort = text.slice(colon + 1);
  if (address === undefined) throw new InvalidArgumentError('Expected PORT:GUESTPORT or HOST:PORT:GUESTPORT.');
  return [...previous, { ...address, guestPort: parsePort(guestPort) }];
}

function parseEnv(text: string, previous: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('Expected NAME=VALUE.');
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

/** What the command needs of the process around it. */
export interface Surroundings {
  readonly boot: BootVm;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Aborted when the command is to end. */
  readonly stop: AbortSignal;
}

const makeCommand = (): Command =>
  new Command('npm run vm --')
    .description('Runs one LibOS VM that answers POST /init and POST /run on 127.0.0.1.')
    .option('--kind <kind>', 'action kind', parseKind, 'nodejs:24')
    .addOption(
      new Option('--tender <tender>', 'what confines the guest').choices(['auto', 'kvm', 'process']).default('auto'),
    )
    .option('--port <port>', 'TCP port of 127.0.0.1 (default: only a unix socket)', parsePort)
    .option('--env <NAME=VALUE>', "variable of the guest's environment; may be repeated", parseEnv, {})
    .option('--memory <MB>', 'what the guest may commit', parseInteger(16, 65_536), 256)
    .addOption(
      new Option('--profile <profile>', 'how far the image is specialised').choices(profiles).default(defaultProfile),
    )
    .option(
      '--gateway-port <port>',
      "port of the host's 127.0.0.1 that the guest reaches at 10.0.2.2; may be repeated",
      (text: string, previous: readonly number[]) => [...previous, parsePort(text)],
      [],
    )
    .option('--allow-private', 'let the guest connect to private addresses', false)
    .option(
      '--inspect [HOST:PORT]',
      "Node's inspector on that address (default: 127.0.0.1:9229); 0 takes a free port",
      parseInspect,
    )
    .addOption(
      new Option(
        '--inspect-brk [HOST:PORT]',
        'the same; nothing is served before a debugger attaches, which stops where the action begins',
      )
        .argParser(parseInspect)
        .conflicts('inspect'),
    )
    .option(
      '--expose <[HOST:]PORT:GUESTPORT>',
      'shows a port of the guest on the host (on 127.0.0.1); may be repeated',
      parseExpose,
      [],
    )
    .option('--allow-remote', '--inspect and --expose also take addresses that other machines reach', false)
    .option(
      '--cpu-shares <n>',
      'weight against other VMs, 2 to 262144 (default: that of any process); by cgroup, else by priority',
      parseInteger(2, 262_144),
    )
    .option('--cpu-quota <percent>', 'most of one core, 1 to 100; needs a cgroup', parseInteger(1, 100))
    .option('--trace', "list the guest's syscalls and hypercalls on stderr", false)
    .allowExcessArguments(false)
    .exitOverride();

function describeEnd({ reason, code, signal, detail, crashReport }: ExitReport): string {
  const words = {
    ended: 'ended',
    exit: 'exited',
    abort: 'aborted',
    fault: 'faulted',
    memory: 'ran out of memory',
    tender: 'lost its tender',
  };
  const facts = [signal, code === undefined ? undefined : `status ${code}`, detail].filter(
    (fact) => fact !== undefined,
  );
  const report = crashReport === undefined ? '' : `crash report ${crashReport}\n`;
  return `the VM ${words[reason]}${facts.length > 0 ? ` (${facts.join('; ')})` : ''}\n${report}`;
}

function statusOf({ reason, code, signal }: ExitReport): number {
  const signals: Readonly<Record<string, number | undefined>> = constants.signals;
  switch (reason) {
    case 'ended':
      return 0;
    case 'exit':
      return code ?? 0;
    case 'abort':
    case 'fault':
      return 128 + (signals[signal ?? ''] ?? constants.signals.SIGABRT);
    case 'memory':
      return 128 + constants.signals.SIGKILL;
    case 'tender':
      return 1;
  }
}

/** Commander gives `true` for an option without its value. */
function inspectOf({ inspect, inspectBrk }: Options): InspectOptions | undefined {
  const asked = inspectBrk ?? inspect;
  if (asked === undefined) return undefined;
  const address = asked === true ? { host: '127.0.0.1', port: inspectorPort } : asked;
  return { ...address, ...(inspectBrk === undefined ? {} : { wait: true }) };
}

/** Lines for whoever connects a debugger or another client. */
async function describePorts({ exposed = [], inspector }: Vm): Promise<string> {
  const lines = exposed.map(({ host, port, guestPort }) => `exposed ${host}:${port} ${guestPort}\n`);
  if (inspector === undefined) return lines.join('');
  const address = `${inspector.host}:${inspector.port}`;
  const url = await debuggerUrl(address);
  return [...lines, `inspector ${address}\n`, url === undefined ? '' : `inspector ${url}\n`].join('');
}

/** As the guest's Node tells it; the line about it on the guest's own stderr has the guest's address. */
async function debuggerUrl(address: string): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${address}/json/list`, { signal: AbortSignal.timeout(inspectorTimeoutMs) });
    const [first] = (await response.json()) as { readonly webSocketDebuggerUrl?: unknown }[];
    const url = first?.webSocketDebuggerUrl;
    return typeof url === 'string' && /^ws:\/\/[\w.:/-]+$/.test(url) ? url : undefined;
  } catch {
    return undefined;
  }
}

function cpuOptions({ cpuShares, cpuQuota }: Options): Pick<BootOptions, 'cpu'> {
  if (cpuShares === undefined && cpuQuota === undefined) return {};
  return { cpu: { shares: cpuShares ?? 1024, ...(cpuQuota === undefined ? {} : { quotaPercent: cpuQuota }) } };
}

async function run(options: Options, { boot, stdout, stderr, stop }: Surroundings): Promise<number> {
  const inspect = inspectOf(options);
  const bootOptions: BootOptions = {
    kind: options.kind,
    profile: options.profile,
    tender: options.tender,
    memoryMb: options.memory,
    env: options.env,
    gatewayPorts: options.gatewayPort,
    allowPrivateNetworks: options.allowPrivate,
    signal: stop,
    ...(options.expose.length > 0 ? { expose: options.expose } : {}),
    ...(inspect === undefined ? {} : { inspect }),
    ...(options.allowRemote ? { allowRemote: true } : {}),
    ...cpuOptions(options),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.trace ? { onTrace: (line: string) => stderr.write(`${line}\n`) } : {}),
  };
  const vm = await boot(bootOptions);
  stderr.write('ready\n');
  if (options.port === undefined) stderr.write(`socket ${vm.socketPath}\n`);
  stderr.write(await describePorts(vm));
  vm.onLog(({ stream, bytes }: LogRecord) => (stream === 'stdout' ? stdout : stderr).write(bytes));
  const onStop = (): void => void vm.end();
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });
  const report = await vm.exited;
  if (stop.aborted) return 0;
  stderr.write(describeEnd(report));
  return statusOf(report);
}

/** Runs the command with the arguments after its name; resolves with the exit status. */
export async function runVmCommand(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr } = surroundings;
  const command = makeCommand().configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
  });
  let options: Options;
  try {
    options = command.parse(argv, { from: 'user' }).opts<Options>();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  try {
    return await run(options, surroundings);
  } catch (error) {
    if (!(error instanceof VmError)) throw error;
    if (error.code === 'VM_ABORTED') return 0;
    stderr.write(`error: ${error.code}: ${error.message}\n`);
    return 1;
  }
}
