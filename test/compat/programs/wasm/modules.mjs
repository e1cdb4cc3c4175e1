import { tell } from '../support/tell.mjs';

/** Just enough of an assembler: sections of bytes. */
const section = (id, ...bytes) => [id, bytes.flat(9).length, ...bytes.flat(9)];
const module = (...sections) => new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...sections.flat()]);
const text = (value) => [value.length, ...Buffer.from(value)];
const i32 = 0x7f;
const func = (...code) => [code.flat().length + 2, 0, ...code.flat(), 0x0b];
const build = (bytes, imports) => WebAssembly.instantiate(bytes, imports).then(({ instance }) => instance.exports);
const binary = (type, code, extra = []) =>
  module(
    section(1, 1, 0x60, type),
    section(3, 1, 0),
    ...extra,
    section(7, 1, text('f'), 0, 0),
    section(10, 1, func(code)),
  );

await tell('add', async () => (await build(binary([2, i32, i32, 1, i32], [0x20, 0, 0x20, 1, 0x6a]))).f(2, 40));
await tell('division by zero', async () =>
  (await build(binary([2, i32, i32, 1, i32], [0x20, 0, 0x20, 1, 0x6d]))).f(1, 0),
);
await tell('unreachable', async () => (await build(binary([0, 0], [0x00]))).f());
await tell('endless recursion', async () => {
  try {
    (await build(binary([0, 0], [0x10, 0]))).f();
  } catch (error) {
    return error.name;
  }
});
const memory = (min, max) => section(5, 1, max === undefined ? [0, min] : [1, min, max]);
const load = [0x20, 0, 0x28, 2, 0];
await tell('memory traps', async () => {
  const { f } = await build(binary([1, i32, 1, i32], load, [memory(1)]));
  return [0, 65_532, 65_533, 65_536, 2 ** 31 - 1, -1].map((at) => {
    try {
      return f(at);
    } catch (error) {
      return [error.name, error.message];
    }
  });
});
await tell('grow', () => {
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 100 });
  const before = shared.buffer;
  const old = shared.grow(9);
  new Uint8Array(shared.buffer)[10 * 65_536 - 1] = 5;
  return [old, before.byteLength, shared.buffer.byteLength];
});
await tell('grow beyond the maximum', () => new WebAssembly.Memory({ initial: 1, maximum: 2 }).grow(5));
await tell('table', () => {
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2, maximum: 10 });
  const old = table.grow(3);
  return [old, table.length, table.get(0)];
});
await tell('global', () => {
  const global = new WebAssembly.Global({ value: 'i64', mutable: true }, 5n);
  global.value = 2n ** 62n;
  return global.value;
});
await tell('SIMD', async () => {
  // f() = i32x4.extract_lane 2 (i32x4.add (v128.const 1 2 3 4) (i32x4.splat 10))
  const constant = [0xfd, 0x0c, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0];
  return (await build(binary([0, 1, i32], [constant, 0x41, 10, 0xfd, 0x11, 0xfd, 0xae, 0x01, 0xfd, 0x1b, 2]))).f();
});
await tell('imports', async () => {
  const bytes = module(
    section(1, 1, 0x60, 1, i32, 0),
    section(2, 1, text('m'), text('g'), 0, 0),
    section(3, 1, 0),
    section(7, 1, text('f'), 0, 1),
    section(10, 1, func([0x20, 0, 0x10, 0])),
  );
  const seen = [];
  (await build(bytes, { m: { g: (value) => seen.push(value) } })).f(9);
  return seen;
});
await tell('an import that throws', async () => {
  const bytes = module(
    section(1, 1, 0x60, 0, 0),
    section(2, 1, text('m'), text('g'), 0, 0),
    section(3, 1, 0),
    section(7, 1, text('f'), 0, 1),
    section(10, 1, func([0x10, 0])),
  );
  (
    await build(bytes, {
      m: {
        g: () => {
          throw new Error('thrown through wasm');
        },
      },
    })
  ).f();
});
await tell('missing import', async () =>
  build(module(section(1, 1, 0x60, 0, 0), section(2, 1, text('m'), text('g'), 0, 0)), {}),
);
await tell('invalid', () => [WebAssembly.validate(new Uint8Array([1, 2, 3])), WebAssembly.validate(module())]);
await tell('compile error', () =>
  WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 2, 0, 0, 0])).catch((error) => error.name),
);
await tell('custom sections', () => {
  const compiled = new WebAssembly.Module(module([0, 5, ...text('nm'), 7, 8]));
  return [
    WebAssembly.Module.customSections(compiled, 'nm').map((buffer) => new Uint8Array(buffer)),
    WebAssembly.Module.exports(compiled),
  ];
});
await tell('threads', async () => {
  const { Worker } = await import('node:worker_threads');
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  // f(): i32.atomic.rmw.add at 0 of 1, 10,000 times in JavaScript's loop
  const bytes = module(
    section(1, 1, 0x60, 0, 1, i32),
    section(2, 1, text('m'), text('m'), 2, 3, 1, 4),
    section(3, 1, 0),
    section(7, 1, text('f'), 0, 0),
    section(10, 1, func([0x41, 0, 0x41, 1, 0xfe, 0x1e, 2, 0])),
  );
  const compiled = await WebAssembly.compile(bytes);
  const code =
    'const { workerData: { compiled, memory } } = require("worker_threads"); const { f } = new WebAssembly.Instance(compiled, { m: { m: memory } }).exports; for (let i = 0; i < 10000; i++) f();';
  await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise((resolve) =>
          new Worker(code, { eval: true, workerData: { compiled, memory: shared } }).on('exit', resolve),
        ),
    ),
  );
  return new Int32Array(shared.buffer)[0];
});
await tell('many instances', async () => {
  const compiled = await WebAssembly.compile(binary([1, i32, 1, i32], load, [memory(1, 2)]));
  const instances = Array.from({ length: 6 }, () => new WebAssembly.Instance(compiled));
  return instances.reduce((sum, { exports }) => sum + exports.f(8), 0);
});
await tell('a tight loop is optimised', async () => {
  // sum of 0..n-1: local i, s
  const code = [
    0x03, 0x40, 0x20, 1, 0x20, 2, 0x6a, 0x21, 1, 0x20, 2, 0x41, 1, 0x6a, 0x22, 2, 0x20, 0, 0x48, 0x0d, 0, 0x0b, 0x20, 1,
  ];
  const body = [1, 2, i32, ...code, 0x0b];
  const bytes = module(
    section(1, 1, 0x60, 1, i32, 1, i32),
    section(3, 1, 0),
    section(7, 1, text('f'), 0, 0),
    section(10, 1, body.length, body),
  );
  return (await build(bytes)).f(50_000_000);
});
