import fs from 'node:fs';
import { sleep } from '../support/tell.mjs';

fs.writeFileSync('file', 'one');
const seen = [];
await new Promise((resolve) => {
  fs.watchFile('file', { interval: 20 }, (now, before) => {
    seen.push([before.size, now.size]);
    if (seen.length === 1) fs.writeFileSync('file', 'three!');
    else if (seen.length === 2) fs.unlinkSync('file');
    else resolve();
  });
  sleep(30).then(() => fs.writeFileSync('file', 'eleven chars'));
});
fs.unwatchFile('file');
console.log(seen);
const missing = await new Promise((resolve) => {
  fs.watchFile('missing', { interval: 20 }, (now, before) => resolve([now.nlink, before.nlink]));
});
fs.unwatchFile('missing');
console.log(missing);
