process.kill(process.pid, 'SIGKILL');
await new Promise((resolve) => setTimeout(resolve, 5000));
