import v8 from 'node:v8';
import vm from 'node:vm';
import { tell } from '../support/tell.mjs';

await tell('context', () => {
  const context = vm.createContext({ x: 2 });
  vm.runInContext('x *= 21; var y = x; globalThis.z = typeof process', context);
  return context;
});
await tell('new context', () => vm.runInNewContext('a + b', { a: 1, b: 2 }));
await tell('other realm', () => {
  const array = vm.runInNewContext('[1]');
  return [array instanceof Array, Array.isArray(array)];
});
await tell('timeout', () => vm.runInNewContext('for (;;);', {}, { timeout: 20 }));
await tell('timeout again', () => vm.runInThisContext('while (true) {}', { timeout: 20 }));
await tell('syntax error', () => {
  try {
    new vm.Script('let =', { filename: 'broken.js' });
  } catch (error) {
    return [error.name, error.stack.split('\n').slice(0, 3)];
  }
});
await tell('cachedData', () => {
  const source = `function f() { return ${JSON.stringify('x'.repeat(1000))}.length } f()`;
  const script = new vm.Script(source);
  script.runInThisContext();
  const cachedData = script.createCachedData();
  const again = new vm.Script(source, { cachedData });
  const rejected = new vm.Script(`${source} `, { cachedData });
  return [again.cachedDataRejected, again.runInThisContext(), rejected.cachedDataRejected];
});
await tell('compileFunction', () => vm.compileFunction('return a + this.b', ['a']).call({ b: 2 }, 1));
await tell('50 contexts', () => {
  let sum = 0;
  for (let i = 0; i < 50; i += 1) sum += vm.runInNewContext('[...Array(i).keys()].length', { i });
  return sum;
});
await tell('strict evaluation', () =>
  vm.runInNewContext('eval("1")', {}, { contextCodeGeneration: { strings: false } }),
);
await tell('measureMemory', () => typeof vm.measureMemory);
await tell('v8 serialize', () => {
  const value = {
    map: new Map([['a', new Set([1, 2n])]]),
    date: new Date(1),
    bytes: new Uint16Array([1, 2]),
    text: 'ü',
    hole: [1, , 3],
  };
  const bytes = v8.serialize(value);
  return [bytes.length, v8.deserialize(bytes)];
});
await tell('v8 serialize an error', () => v8.deserialize(v8.serialize(new TypeError('t'))).message);
await tell('v8 class', () => {
  const writer = new v8.Serializer();
  writer.writeHeader();
  writer.writeUint32(42);
  writer.writeDouble(1.5);
  const reader = new v8.Deserializer(writer.releaseBuffer());
  reader.readHeader();
  return [reader.readUint32(), reader.readDouble()];
});
await tell('heap statistics', () =>
  Object.entries(v8.getHeapStatistics())
    .map(([name, value]) => `${name}:${typeof value}`)
    .join(' '),
);
await tell('heap spaces', () => v8.getHeapSpaceStatistics().map(({ space_name }) => space_name));
await tell('flags', () => {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  gc();
  return typeof gc;
});
await tell('versions', () => [v8.cachedDataVersionTag() > 0, v8.startupSnapshot?.isBuildingSnapshot()]);
