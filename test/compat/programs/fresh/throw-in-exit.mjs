process.on('exit', () => {
  throw new Error('in exit');
});
process.exit(0);
