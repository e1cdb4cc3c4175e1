process.exitCode = 9;
process.on('beforeExit', () => console.log('never: the runtime listens'));
process.on('exit', (code) => {
  console.log('exit', code);
  process.exitCode = 3;
});
process.exit();
