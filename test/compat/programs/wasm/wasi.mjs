import fs from 'node:fs';
import { tell } from '../support/tell.mjs';

const emit = process.emitWarning;
process.emitWarning = () => {};
const { WASI } = await import('node:wasi');
const section = (id, ...bytes) => [id, bytes.flat(9).length, ...bytes.flat(9)];
const text = (value) => [value.length, ...Buffer.from(value)];
const i32 = 0x7f;
/** A program that writes `hello` to fd 1 and exits with 7. */
const program = new Uint8Array([
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  ...section(1, 3, [0x60, 4, i32, i32, i32, i32, 1, i32], [0x60, 1, i32, 0], [0x60, 0, 0]),
  ...section(
    2,
    2,
    text('wasi_snapshot_preview1'),
    text('fd_write'),
    0,
    0,
    text('wasi_snapshot_preview1'),
    text('proc_exit'),
    0,
    1,
  ),
  ...section(3, 1, 2),
  ...section(5, 1, 0, 1),
  ...section(7, 2, text('memory'), 2, 0, text('_start'), 0, 2),
  ...section(10, 1, 18, 0, 0x41, 1, 0x41, 0, 0x41, 1, 0x41, 16, 0x10, 0, 0x1a, 0x41, 7, 0x10, 1, 0x0b),
  ...section(11, 1, 0, 0x41, 0, 0x0b, 14, 8, 0, 0, 0, 6, 0, 0, 0, 104, 101, 108, 108, 111, 10),
]);
await tell('run', async () => {
  const out = fs.openSync('out', 'w');
  const wasi = new WASI({
    version: 'preview1',
    stdout: out,
    args: ['a'],
    env: { B: 'c' },
    preopens: { '/sandbox': '.' },
    returnOnExit: true,
  });
  const { instance } = await WebAssembly.instantiate(program, wasi.getImportObject());
  const code = wasi.start(instance);
  fs.closeSync(out);
  return [code, fs.readFileSync('out', 'utf8')];
});
await tell('started twice', async () => {
  const wasi = new WASI({ version: 'preview1', returnOnExit: true, stdout: fs.openSync('/dev/null', 'w') });
  const { instance } = await WebAssembly.instantiate(program, wasi.getImportObject());
  wasi.start(instance);
  wasi.start(instance);
});
await tell('functions', () => Object.keys(new WASI({ version: 'preview1' }).wasiImport).length);
process.emitWarning = emit;
