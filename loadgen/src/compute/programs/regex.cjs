// Regular expressions over a log of 8,000 lines: groups, alternatives, lookahead, global replacement, splitting.

const kLine =
  /^(\d{1,3}(?:\.\d{1,3}){3}) - (\w+|-) \[([^\]]+)\] "(GET|POST|PUT) ([^ "]+) HTTP\/(\d\.\d)" (\d{3}) (\d+)/;
const kPairs = /(?<key>[a-z]+)=(?<value>[^&\s]*)/g;
const kWords = /\b(?=\w*[aeiou])\w+\b/gi;

function log() {
  const lines = [];
  for (let n = 0; n < 8000; n += 1) {
    const user = n % 4 === 0 ? '-' : `user${n % 97}`;
    const path = `/api/v${n % 3}/items/${(n * 7919) % 5003}?q=${n % 11}&sort=name&page=${n % 29}`;
    const request = `${['GET', 'POST', 'PUT'][n % 3]} ${path} HTTP/1.1`;
    lines.push(
      `10.${n % 256}.0.${(n * 3) % 256} - ${user} [10/Oct/2024:13:55:${n % 60}] "${request}" ${200 + (n % 5)} ${n * 13}`,
    );
  }
  return lines;
}

const kLog = log();

function work() {
  let sum = 0;
  for (let pass = 0; pass < 6; pass += 1) {
    for (const line of kLog) {
      const match = kLine.exec(line);
      sum += match[1].length + Number(match[7]) + Number(match[8]);
      for (const { groups } of match[5].matchAll(kPairs)) sum += groups.key.length * groups.value.length;
    }
    const text = kLog.join('\n');
    sum += text.replace(kWords, (word) => word.toUpperCase()).length;
    sum += text.replace(/\d+/g, '#').length;
    sum += text.split(/[\s"[\]]+/).length;
  }
  return sum;
}

exports.work = work;
