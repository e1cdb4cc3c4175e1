// Strings: building, splitting, searching, comparing, case, code units, UTF-8 there and back.

function sentence(n) {
  return `The ${n}th quick brown fox jumps over ${n % 13} lazy dogs; größer, 東京 ${n * 31}.`;
}

function hash(text) {
  let value = 7;
  for (let at = 0; at < text.length; at += 1) value = (Math.imul(value, 31) + text.charCodeAt(at)) | 0;
  return value;
}

function work() {
  let sum = 0;
  for (let pass = 0; pass < 20; pass += 1) {
    const sentences = [];
    for (let n = 0; n < 3000; n += 1) sentences.push(sentence(n + pass));
    const text = sentences.join(' ');
    const words = text.split(' ');
    words.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    for (const word of words) sum = (sum + hash(word)) | 0;
    const bytes = Buffer.from(text, 'utf8');
    sum += bytes.length + bytes.toString('utf8').toUpperCase().length + bytes.toString('base64').length;
    for (let at = text.indexOf('fox'); at !== -1; at = text.indexOf('fox', at + 1)) sum += at % 7;
    let built = '';
    for (const word of words) built += word.slice(0, 3).padEnd(4, '.');
    sum = (sum + hash(built)) | 0;
  }
  return sum;
}

exports.work = work;
