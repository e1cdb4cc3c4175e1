import fs from 'node:fs';

fs.writeSync(2, 'first\n');
process.stdout.write(`${'x'.repeat(300_000)}\n`, () => process.exit(5));
await new Promise((resolve) => setTimeout(resolve, 5000));
