process.on('exit', (code) => console.log('exit', code));
Promise.reject(new RangeError('nobody handles this'));
await new Promise((resolve) => setTimeout(resolve, 5000));
