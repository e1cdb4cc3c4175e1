import readline from 'node:readline';
import readlinePromises from 'node:readline/promises';
import repl from 'node:repl';
import { PassThrough, Readable } from 'node:stream';
import { once, tell } from '../support/tell.mjs';

await tell('lines', async () => {
  const lines = [];
  for await (const line of readline.createInterface({
    input: Readable.from(['one\ntw', 'o\r\nthree']),
    crlfDelay: Number.POSITIVE_INFINITY,
  }))
    lines.push(line);
  return lines;
});
await tell('events', async () => {
  const log = [];
  const input = new PassThrough();
  const reader = readline.createInterface({ input });
  reader.on('line', (line) => log.push(line));
  reader.on('close', () => log.push('close'));
  input.write('a\nb\n');
  input.end('c');
  await once(reader, 'close');
  return log;
});
await tell('question', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const reader = readlinePromises.createInterface({ input, output });
  const asked = reader.question('name? ');
  input.write('Ada\n');
  const answer = await asked;
  reader.close();
  return [answer, String(output.read())];
});
await tell('terminal editing', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const reader = readline.createInterface({ input, output, terminal: true });
  const line = once(reader, 'line');
  input.write('abc\x7f\x01X\n');
  const result = await line;
  reader.close();
  return result;
});
await tell('cursor', () => {
  const output = new PassThrough();
  readline.cursorTo(output, 3, 4);
  readline.clearLine(output, 0);
  readline.moveCursor(output, -1, 1);
  return JSON.stringify(String(output.read()));
});
await tell('repl', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const server = repl.start({ prompt: '> ', input, output, terminal: false, useColors: false });
  server.context.seven = 7;
  for (const line of [
    '1 + 1',
    'const x = seven * 6; x',
    '[1,2].map(String)',
    'throw new Error("e")',
    'await Promise.resolve(5)',
    'missing',
    'function f() {',
    '}',
    '.exit',
  ]) {
    input.write(`${line}\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return String(output.read()).replaceAll(/at .*\n/g, '');
});
