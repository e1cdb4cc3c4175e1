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

function work() {
  let sum = 0;
  for (let n = 0; n < 1000; n += 1) sum += sieve(4000 + n);
  for (let n = 1; n < 150_000; n += 1) sum += collatz(n);
  for (let n = 1; n < 1_500_000; n += 1) sum += gcd(n, 360_360);
  let a = Int32Array.from({ length: kSize * kSize }, (_, n) => n % 7);
  let out = new Int32Array(kSize * kSize);
  const b = Int32Array.from({ length: kSize * kSize }, (_, n) => (n % 5) - 2);
  for (let n = 0; n < 10_000; n += 1) {
    product(a, b, out);
    [a, out] = [out, a];
  }
  for (const value of a) sum = (sum + value) | 0;
  return sum;
}

exports.work = work;
