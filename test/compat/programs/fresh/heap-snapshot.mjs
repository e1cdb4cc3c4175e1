import fs from 'node:fs';
import v8 from 'node:v8';

let size = 0;
for await (const part of v8.getHeapSnapshot()) size += part.length;
console.log(size > 1e6);
const name = v8.writeHeapSnapshot('heap.heapsnapshot');
console.log(name, JSON.parse(fs.readFileSync(name, 'utf8')).nodes.length > 10_000);
