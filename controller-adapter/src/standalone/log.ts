/** The log of the local stack on stderr: JSON lines, or on a terminal one readable line each. stdout is left to answers. */

import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export function createLog(level: LogLevel, output: NodeJS.WriteStream = process.stderr): Logger {
  // Keys and headers of callers do not belong in logs, whoever puts an object with them there.
  const redact = ['authkey', '*.authkey', 'headers.authorization', '*.headers.authorization'];
  const options = { level, base: null, redact };
  return output.isTTY ? pino(options, readable(output)) : pino(options, output);
}

const names: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' };

function readable(output: NodeJS.WriteStream): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      output.write(formatLine(String(chunk)), done);
    },
  });
}

/** `12:34:56.789 info  text key=value`, with the stack of an error below. */
export function formatLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line);
  } catch {
    return line;
  }
  const { level, time, msg = '', err, ...rest } = record;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${plain(value)}`);
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${plain(err.stack)}` : '';
  return `${clock} ${(names[Number(level)] ?? '').padEnd(5)} ${plain(msg)}${fields.join('')}${stack}\n`;
}

/** Text of an action or a client must not steer the terminal. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  return (text ?? '').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?');
}
