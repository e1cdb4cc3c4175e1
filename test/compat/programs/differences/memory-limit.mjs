const result = {};
try {
  result.gigabyte = Buffer.alloc(2 ** 30).fill(1).length;
} catch ({ name, code, message }) {
  result.gigabyte = [name, code, message];
}
result.small = Buffer.alloc(100_000_000).fill(1).length;
export default result;
