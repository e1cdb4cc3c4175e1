// Integer arithmetic and array indexing in many short calls: sieve, Collatz, gcd, an integer matrix.

function sieve(limit) {
  const composite = new Uint8Array(limit + 1);
  let count = 0;
  for (let i = 2; i <= limit; i += 1) {
    if (composite[i] === 1) continue;
    count += 1;
    for (let j = i * i; j <= limit; j += i) composite[j] = 1;
  }
  return count;
}

function collatz(n) {
  let steps = 0;
  for (let at = n; at !== 1; steps += 1) at = at % 2 === 0 ? at / 2 : 3 * at + 1;
  return steps;
}

function gcd(a, b) {
  while (b !== 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

const kSize = 24;

function product(a, b, out) {
  for (let row = 0; row < kSize; row += 1) {
    for (let column = 0; column < kSize; column += 1) {
      let sum = 0;
      for (let k = 0; k < kSize; k += 1) sum = (sum + Math.imul(a[row * kSize + k], b[k * kSize + column])) | 0;
      out[row * kSize + column] = sum;
    }
  }
}

// Parts of about a millisecond: each function is compiled for being called often, not for looping long.
function repeat(times, part) {
  let sum = 0;
  for (let n = 0; n < times; n += 1) sum = (sum + part(n)) | 0;
  return sum;
}

function collatzPart(n) {
  let sum = 0;
  for (let at = 1; at <= 500; at += 1) sum += collatz(500 * n + at);
  return sum;
}

function gcdPart(n) {
  let sum = 0;
  for (let at = 1; at <= 5000; at += 1) sum += gcd(5000 * n + at, 360_360);
  return sum;
}

function productPart(n) {
  const a = Int32Array.from({ length: kSize * kSize }, (_, at) => (at + n) % 7);
  const b = Int32Array.from({ length: kSize * kSize }, (_, at) => (at % 5) - 2);
  const out = new Int32Array(kSize * kSize);
  for (let times = 0; times < 20; times += 1) product(times % 2 === 0 ? a : out, b, times % 2 === 0 ? out : a);
  return a[n % kSize] ^ out[7];
}

function work() {
  let sum = repeat(1000, (n) => sieve(4000 + n));
  sum += repeat(200, collatzPart);
  sum += repeat(200, gcdPart);
  return sum + repeat(400, productPart);
}

exports.work = work;
