// Map and Set with tens of thousands of keys: strings, integers, objects; insertion, look-up, deletion, iteration.

function work() {
  let sum = 0;
  for (let n = 0; n < 14; n += 1) {
    const byName = new Map();
    for (let at = 0; at < 40_000; at += 1) byName.set(`key-${(at * 7919) % 50_021}`, at);
    for (let at = 0; at < 40_000; at += 1) sum += byName.get(`key-${at}`) ?? 1;
    const byNumber = new Map();
    for (let at = 0; at < 60_000; at += 1) byNumber.set((at * 31) % 65_537, at);
    for (let at = 0; at < 65_537; at += 2) byNumber.delete(at);
    for (const [key, value] of byNumber) sum += (key ^ value) & 7;
    const seen = new Set();
    const objects = Array.from({ length: 20_000 }, (_, at) => ({ at }));
    for (const each of objects) if (each.at % 3 !== 0) seen.add(each);
    for (const each of objects) sum += seen.has(each) ? 1 : 0;
  }
  return sum;
}

exports.work = work;
