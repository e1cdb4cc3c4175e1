// Typed arrays of megabytes, made anew all the time: filling, copying, sorting, views, DataView.

const kLength = 1 << 18;

function fill(array, seed) {
  let value = seed;
  for (let at = 0; at < array.length; at += 1) {
    value = (Math.imul(value, 1_103_515_245) + 12_345) | 0;
    array[at] = value;
  }
}

function fold(array) {
  let sum = 0;
  for (let at = 0; at < array.length; at += 1) sum = (sum + array[at]) | 0;
  return sum;
}

function work() {
  let sum = 0;
  for (let n = 0; n < 80; n += 1) {
    const integers = new Int32Array(kLength);
    fill(integers, n);
    const floats = Float64Array.from(integers.subarray(0, 20_000)).sort();
    sum += floats[n] + floats[19_999];
    const copy = integers.slice();
    copy.set(integers.subarray(1000, 50_000), 10);
    copy.reverse();
    sum += fold(copy);
    const bytes = Buffer.alloc(1 << 20);
    bytes.set(new Uint8Array(copy.buffer, 0, 1 << 19));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < 1 << 19; at += 64) sum += view.getUint16(at, true);
    const wide = new Float64Array(kLength);
    wide.set(copy);
    sum += wide[n * 100];
  }
  return sum;
}

exports.work = work;
