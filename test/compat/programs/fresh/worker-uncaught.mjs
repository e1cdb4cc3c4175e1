import { Worker } from 'node:worker_threads';

new Worker('setTimeout(() => { throw new Error("in the worker") }, 1)', { eval: true });
await new Promise((resolve) => setTimeout(resolve, 5000));
