process.on('uncaughtException', (error, origin) => {
  console.log(error.message, origin);
  process.exit(42);
});
setImmediate(() => {
  throw new Error('last');
});
await new Promise((resolve) => setTimeout(resolve, 5000));
