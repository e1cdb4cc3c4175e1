import diagnostics from 'node:diagnostics_channel';
import { EventEmitter, errorMonitor, once as eventsOnce, getEventListeners, on } from 'node:events';
import { tell } from '../support/tell.mjs';

await tell('order', () => {
  const log = [];
  const emitter = new EventEmitter();
  emitter.on('a', () => log.push(1));
  emitter.prependListener('a', () => log.push(0));
  emitter.once('a', () => log.push(2));
  emitter.emit('a');
  emitter.emit('a');
  return [log, emitter.listenerCount('a'), emitter.emit('none')];
});
await tell('unhandled error', () => new EventEmitter().emit('error', new Error('lost')));
await tell('an error that is none', () => new EventEmitter().emit('error', 'text'));
await tell('errorMonitor', () => {
  const emitter = new EventEmitter();
  let seen;
  emitter.on(errorMonitor, (error) => {
    seen = error.message;
  });
  emitter.on('error', () => {});
  emitter.emit('error', new Error('watched'));
  return seen;
});
await tell('once', async () => {
  const emitter = new EventEmitter();
  setImmediate(() => emitter.emit('x', 1, 2));
  return eventsOnce(emitter, 'x');
});
await tell('on', async () => {
  const emitter = new EventEmitter();
  setImmediate(() => {
    emitter.emit('x', 1);
    emitter.emit('x', 2);
    emitter.emit('end');
  });
  const seen = [];
  for await (const [value] of on(emitter, 'x')) {
    seen.push(value);
    if (value === 2) break;
  }
  return seen;
});
await tell('captureRejections', async () => {
  const emitter = new EventEmitter({ captureRejections: true });
  emitter.on('x', async () => {
    throw new Error('rejected');
  });
  const failed = eventsOnce(emitter, 'error');
  emitter.emit('x');
  return (await failed)[0].message;
});
await tell('too many listeners', async () => {
  const warned = new Promise((resolve) => process.once('warning', resolve));
  const emitter = new EventEmitter();
  for (let i = 0; i < 11; i += 1) emitter.on('many', () => {});
  return (await warned).name;
});
await tell('getEventListeners', () => getEventListeners(new EventEmitter().on('x', console.log), 'x').length);
await tell('diagnostics_channel', () => {
  const channel = diagnostics.channel('compat');
  const seen = [];
  const subscriber = (message, name) => seen.push([message, name]);
  diagnostics.subscribe('compat', subscriber);
  channel.publish({ a: 1 });
  diagnostics.unsubscribe('compat', subscriber);
  channel.publish({ a: 2 });
  return [seen, channel.hasSubscribers];
});
await tell('tracingChannel', async () => {
  const tracing = diagnostics.tracingChannel('compat-trace');
  const seen = [];
  tracing.subscribe({
    start: () => seen.push('start'),
    end: () => seen.push('end'),
    asyncStart: () => seen.push('asyncStart'),
    asyncEnd: () => seen.push('asyncEnd'),
    error: () => seen.push('error'),
  });
  await tracing.tracePromise(async () => 5);
  await tracing.tracePromise(() => Promise.reject(new Error('x'))).catch(() => {});
  return seen;
});
