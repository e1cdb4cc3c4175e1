import { tell } from '../support/tell.mjs';

await tell('Headers', () => [
  ...new Headers([
    ['B', '2'],
    ['a', '1'],
    ['b', '3'],
  ]),
]);
await tell('Request', () => {
  const request = new Request('http://host/path', { method: 'POST', body: 'x', headers: { a: 'b' } });
  return [request.method, request.url, request.headers.get('a'), request.bodyUsed];
});
await tell('Response', async () => {
  const response = Response.json({ a: 1 }, { status: 201 });
  return [
    response.status,
    response.ok,
    response.headers.get('content-type'),
    await response.clone().text(),
    await response.json(),
  ];
});
await tell('FormData from multipart', async () => {
  const text =
    '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\nContent-Type: text/plain\r\n\r\nfile\r\n--b--\r\n';
  const form = await new Response(text, { headers: { 'content-type': 'multipart/form-data; boundary=b' } }).formData();
  return [form.get('a'), form.get('f').name, await form.get('f').text()];
});
await tell('Blob', async () => {
  const blob = new Blob(['abc', new Uint8Array([100, 101]), new Blob(['f'])], { type: 'text/x' });
  return [blob.size, blob.type, await blob.slice(1, 4).text(), (await blob.arrayBuffer()).byteLength];
});
await tell('File', () => {
  const { File } = globalThis;
  if (File === undefined) return 'absent';
  const file = new File(['x'], 'n', { lastModified: 5 });
  return [file.name, file.lastModified, file.size];
});
await tell('structuredClone', () => {
  const value = {
    date: new Date(5),
    map: new Map([[1, { a: 1 }]]),
    set: new Set(['x']),
    error: new RangeError('r'),
    buffer: new Uint8Array([1, 2]),
    big: 5n,
  };
  value.self = value;
  const copy = structuredClone(value);
  return [copy.self === copy, copy];
});
await tell('structuredClone of a function', () => structuredClone(() => {}));
await tell('transfer', () => {
  const buffer = new ArrayBuffer(8);
  const copy = structuredClone(buffer, { transfer: [buffer] });
  return [buffer.byteLength, copy.byteLength];
});
await tell('EventTarget', () => {
  const target = new EventTarget();
  const seen = [];
  target.addEventListener('a', (event) => seen.push(event.type, event.detail), { once: true });
  target.dispatchEvent(new CustomEvent('a', { detail: 5 }));
  target.dispatchEvent(new CustomEvent('a', { detail: 6 }));
  return seen;
});
await tell('AbortSignal', () => {
  const signal = AbortSignal.abort('why');
  return [signal.aborted, signal.reason];
});
await tell('TextDecoder', () =>
  ['utf-8', 'utf-16le', 'latin1', 'shift_jis', 'gb18030', 'euc-kr', 'windows-1251', 'koi8-r', 'big5'].map((name) => {
    try {
      return new TextDecoder(name).decode(new Uint8Array([0xe6, 0x97, 0xa5, 0x41]));
    } catch (error) {
      return error.name;
    }
  }),
);
await tell('fatal', () => new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff])));
await tell('base64', () => [btoa('hello'), atob('aGVsbG8=')]);
await tell('bad base64', () => atob('*'));
await tell('URLPattern', () =>
  globalThis.URLPattern === undefined
    ? 'absent'
    : new URLPattern({ pathname: '/a/:b' }).exec('http://h/a/c').pathname.groups,
);
await tell('navigator', () => [
  typeof globalThis.navigator?.hardwareConcurrency,
  globalThis.navigator?.language,
  globalThis.navigator?.userAgent,
]);
await tell('globals', () =>
  Object.getOwnPropertyNames(globalThis)
    .filter((name) => /^[A-Z]/.test(name))
    .sort()
    .join(' '),
);
await tell('WebSocket', async () => {
  if (globalThis.WebSocket === undefined) return 'absent';
  const socket = new WebSocket('ws://127.0.0.1:9');
  const seen = [socket.readyState];
  await new Promise((resolve) => {
    // Node 22 may leave it at the error.
    const patience = setTimeout(resolve, 1000);
    socket.onerror = () => seen.push('error');
    socket.onclose = (event) => {
      seen.push(event.code, event.wasClean, socket.readyState);
      clearTimeout(patience);
      resolve();
    };
  });
  return seen;
});
await tell('EventSource', () => typeof globalThis.EventSource);
await tell('Storage', () => typeof Object.getOwnPropertyDescriptor(globalThis, 'localStorage'));
