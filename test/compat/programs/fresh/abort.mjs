console.log('before');
await new Promise((resolve) => process.stdout.write('', resolve));
process.kill(process.pid, 'SIGABRT');
await new Promise((resolve) => setTimeout(resolve, 5000));
