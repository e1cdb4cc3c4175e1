import { once, sleep } from '../support/tell.mjs';

const warnings = [];
const onWarning = (warning) => warnings.push([warning.name, warning.code, warning.message]);
process.on('warning', onWarning);
process.emitWarning('careful', { code: 'C001', detail: 'more' });
process.emitWarning('old', 'DeprecationWarning', 'D001');
await sleep(5);
console.log(warnings);
process.off('warning', onWarning);

const listener = (error, origin) => console.log('caught', error.message, origin);
process.on('uncaughtException', listener);
setTimeout(() => {
  throw new Error('from a timer');
}, 1);
await sleep(20);
queueMicrotask(() => {
  throw new Error('from a microtask');
});
await sleep(5);
process.nextTick(() => {
  throw new Error('from a tick');
});
await sleep(5);
setImmediate(() => {
  throw new Error('from an immediate');
});
await sleep(5);
Promise.reject(new Error('unhandled'));
await sleep(5);
process.off('uncaughtException', listener);

const rejections = [];
const onRejection = (reason, promise) => rejections.push(['unhandled', reason.message, promise instanceof Promise]);
const onHandled = () => rejections.push(['handled later']);
process.on('unhandledRejection', onRejection);
process.on('rejectionHandled', onHandled);
const late = Promise.reject(new Error('late'));
await sleep(5);
late.catch(() => rejections.push(['caught']));
await sleep(5);
console.log(rejections);
process.off('unhandledRejection', onRejection);
process.off('rejectionHandled', onHandled);

process.setUncaughtExceptionCaptureCallback((error) => console.log('captured', error.message));
setTimeout(() => {
  throw new Error('again');
}, 1);
await sleep(20);
process.setUncaughtExceptionCaptureCallback(null);
const monitored = once(process, 'uncaughtExceptionMonitor');
process.once('uncaughtException', () => {});
setTimeout(() => {
  throw new Error('monitored');
}, 1);
console.log((await monitored)[0].message);
