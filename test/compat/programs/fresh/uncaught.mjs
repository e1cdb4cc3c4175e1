process.on('exit', (code) => console.log('exit', code));
setTimeout(() => {
  throw new TypeError('nobody catches this', { cause: new Error('the cause') });
}, 1);
await new Promise((resolve) => setTimeout(resolve, 5000));
