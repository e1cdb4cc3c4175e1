// WebAssembly, assembled here: a sieve in linear memory, an integer mixer, a floating-point series, memory that grows.

const I32 = 0x7f;
const F64 = 0x7c;

const op = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: [0x0b],
  br: (n) => [0x0c, n],
  brIf: (n) => [0x0d, n],
  get: (n) => [0x20, n],
  set: (n) => [0x21, n],
  load8: [0x2d, 0, 0],
  store8: [0x3a, 0, 0],
  grow: [0x40, 0],
  i32: (n) => [0x41, ...signed(n)],
  f64: (n) => [0x44, ...new Uint8Array(new Float64Array([n]).buffer)],
  eqz: [0x45],
  geS: [0x4e],
  gtS: [0x4a],
  add: [0x6a],
  xor: [0x73],
  shl: [0x74],
  shrU: [0x76],
  addF: [0xa0],
  mulF: [0xa2],
  divF: [0xa3],
  fromI32: [0xb7],
};

function signed(value) {
  const bytes = [];
  for (let rest = value; ; ) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function unsigned(value) {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

const vector = (items) => [...unsigned(items.length), ...items.flat()];
const section = (id, bytes) => [id, ...unsigned(bytes.length), ...bytes];
const name = (text) => vector([...Buffer.from(text)]);
const body = (locals, code) => {
  const bytes = [...vector(locals.map(([count, type]) => [count, type])), ...code.flat(), 0x0b];
  return [...unsigned(bytes.length), ...bytes];
};

// sieve(limit): primes up to limit, one byte a number from address 0. Locals: 1 count, 2 i, 3 j.
const { get, set, i32, f64, br, brIf } = op;
const sieve = body(
  [[3, I32]],
  [
    i32(0),
    set(2),
    op.block,
    op.loop,
    get(2),
    get(0),
    op.gtS,
    brIf(1),
    get(2),
    i32(0),
    op.store8,
    get(2),
    i32(1),
    op.add,
    set(2),
    br(0),
    op.end,
    op.end,
    i32(2),
    set(2),
    op.block,
    op.loop,
    get(2),
    get(0),
    op.gtS,
    brIf(1),
    op.block,
    get(2),
    op.load8,
    brIf(0),
    get(1),
    i32(1),
    op.add,
    set(1),
    get(2),
    get(2),
    op.add,
    set(3),
    op.block,
    op.loop,
    get(3),
    get(0),
    op.gtS,
    brIf(1),
    get(3),
    i32(1),
    op.store8,
    get(3),
    get(2),
    op.add,
    set(3),
    br(0),
    op.end,
    op.end,
    op.end,
    get(2),
    i32(1),
    op.add,
    set(2),
    br(0),
    op.end,
    op.end,
    get(1),
  ],
);
// mix(n): n rounds of xorshift. Local: 1 value.
const mix = body(
  [[1, I32]],
  [
    i32(2_463_534),
    set(1),
    op.block,
    op.loop,
    get(0),
    op.eqz,
    brIf(1),
    get(1),
    get(1),
    i32(13),
    op.shl,
    op.xor,
    set(1),
    get(1),
    get(1),
    i32(17),
    op.shrU,
    op.xor,
    set(1),
    get(1),
    get(1),
    i32(5),
    op.shl,
    op.xor,
    set(1),
    get(0),
    i32(-1),
    op.add,
    set(0),
    br(0),
    op.end,
    op.end,
    get(1),
  ],
);
// series(n): sum of 1 / i^2. Local: 1 sum.
const series = body(
  [[1, F64]],
  [
    op.block,
    op.loop,
    get(0),
    op.eqz,
    brIf(1),
    get(1),
    f64(1),
    get(0),
    op.fromI32,
    get(0),
    op.fromI32,
    op.mulF,
    op.divF,
    op.addF,
    set(1),
    get(0),
    i32(-1),
    op.add,
    set(0),
    br(0),
    op.end,
    op.end,
    get(1),
  ],
);
const grow = body([], [get(0), op.grow]);

const kModule = Uint8Array.from([
  0x00,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0,
  ...section(
    1,
    vector([
      [0x60, 1, I32, 1, I32],
      [0x60, 1, I32, 1, F64],
    ]),
  ),
  ...section(3, vector([[0], [0], [1], [0]])),
  ...section(5, vector([[0, 16]])),
  ...section(7, vector(['sieve', 'mix', 'series', 'grow'].map((text, index) => [...name(text), 0, index]))),
  ...section(10, vector([sieve, mix, series, grow])),
]);

const { exports: machine } = new WebAssembly.Instance(new WebAssembly.Module(kModule));

function work() {
  let sum = 0;
  for (let n = 0; n < 90; n += 1) {
    sum += machine.sieve(200_000 + n);
    sum += machine.mix(500_000 + n);
    sum += machine.series(500_000 + n);
  }
  for (let n = 0; n < 20; n += 1) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(kModule));
    sum += exports.grow(16) + exports.sieve(1_000_000);
  }
  return sum;
}

exports.work = work;
