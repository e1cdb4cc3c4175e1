import { mock } from 'node:test';
import { tell } from '../support/tell.mjs';

await tell('mock functions', () => {
  const fn = mock.fn((value) => value + 1);
  fn(1);
  fn(2);
  return fn.mock.calls.map(({ arguments: values, result }) => [values, result]);
});
await tell('mock methods', () => {
  const object = { method: () => 'real' };
  mock.method(object, 'method', () => 'mocked');
  const during = object.method();
  mock.restoreAll();
  return [during, object.method()];
});
await tell('mock timers', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 1000);
  mock.timers.tick(1000);
  mock.timers.reset();
  return fired;
});
