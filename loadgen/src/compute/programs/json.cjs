// JSON.stringify and JSON.parse of a document of about 400 KB: strings, numbers, nesting.

function document(seed) {
  const orders = [];
  for (let n = 0; n < 1500; n += 1) {
    orders.push({
      id: `order-${seed}-${n}`,
      amount: (n * 7919) % 10_007,
      price: ((n * 31) % 977) / 8,
      paid: n % 3 === 0,
      note: n % 5 === 0 ? null : `line "${n}"\n\u00e4\u00f6 of text`,
      tags: ['a', `tag-${n % 17}`, 'some longer tag'],
      address: { street: `Street ${n}`, city: ['Ulm', 'Köln', 'Graz'][n % 3], zip: 10_000 + n },
    });
  }
  return { orders, seed };
}

function work() {
  let sum = 0;
  for (let n = 0; n < 100; n += 1) {
    const text = JSON.stringify(document(n));
    const back = JSON.parse(text);
    sum += text.length;
    for (const { amount, price, tags } of back.orders) sum += amount + price + tags[1].length;
  }
  return sum;
}

exports.work = work;
