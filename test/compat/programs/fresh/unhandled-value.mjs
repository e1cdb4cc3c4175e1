Promise.reject({ a: 1 });
await new Promise((resolve) => setTimeout(resolve, 5000));
