// Garbage: objects that die at once, and a cache whose entries live long.

function tree(depth) {
  return depth === 0 ? { left: null, right: null } : { left: tree(depth - 1), right: tree(depth - 1) };
}

function count(node) {
  return node.left === null ? 1 : 1 + count(node.left) + count(node.right);
}

function points(n) {
  const all = [];
  for (let at = 0; at < 2000; at += 1) all.push({ x: at, y: n, label: [at, n] });
  return all.filter(({ x }) => x % 3 === 0).map(({ x, y }) => ({ sum: x + y }));
}

function work() {
  let sum = 0;
  const cache = [];
  for (let n = 0; n < 1000; n += 1) {
    for (let small = 0; small < 8; small += 1) sum += count(tree(9));
    sum += points(n).length;
    cache.push(tree(6));
    if (cache.length > 400) sum += count(cache.shift());
  }
  return sum;
}

exports.work = work;
