import stream, { Duplex, PassThrough, Readable, Transform, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { once, tell } from '../support/tell.mjs';

await tell('from', async () => (await Readable.from([1, 2, 3]).toArray()).length);
await tell('operators', async () =>
  Readable.from([1, 2, 3, 4, 5, 6])
    .filter((value) => value % 2 === 0)
    .map(async (value) => value * 10, { concurrency: 2 })
    .take(2)
    .toArray(),
);
await tell('reduce', async () => Readable.from([1, 2, 3]).reduce((a, b) => a + b, 0));
await tell('backpressure', async () => {
  let reads = 0;
  const source = new Readable({
    highWaterMark: 10,
    read() {
      reads += 1;
      this.push(reads > 100 ? null : Buffer.alloc(10));
    },
  });
  let most = 0;
  const sink = new Writable({
    highWaterMark: 20,
    write(chunk, encoding, done) {
      most = Math.max(most, source.readableLength + this.writableLength);
      setImmediate(done);
    },
  });
  await pipeline(source, sink);
  return [reads, most <= 60];
});
await tell('transform and flush', async () => {
  const upper = new Transform({
    transform: (chunk, encoding, done) => done(null, String(chunk).toUpperCase()),
    flush(done) {
      this.push('!');
      done();
    },
  });
  upper.end('abc');
  return String(Buffer.concat(await upper.toArray()));
});
await tell('errors destroy', async () => {
  const a = new PassThrough();
  const b = new PassThrough();
  const done = pipeline(a, b).catch((error) => error.message);
  a.destroy(new Error('broken'));
  return [await done, a.destroyed, b.destroyed];
});
await tell('premature close', async () => {
  const a = new PassThrough();
  const b = new PassThrough();
  const done = pipeline(a, b).catch((error) => error.code);
  b.destroy();
  return done;
});
await tell('finished', async () => {
  const a = new PassThrough();
  a.end();
  a.resume();
  await finished(a);
  return a.readableEnded;
});
await tell('object mode', async () => {
  const seen = [];
  const sink = new Writable({ objectMode: true, write: (chunk, encoding, done) => (seen.push(chunk), done()) });
  await pipeline(Readable.from([{ a: 1 }, { b: 2 }]), sink);
  return seen;
});
await tell('writev', async () => {
  const batches = [];
  const sink = new Writable({
    writev: (chunks, done) => (batches.push(chunks.map(({ chunk }) => String(chunk))), setImmediate(done)),
  });
  sink.cork();
  for (const text of ['a', 'b', 'c']) sink.write(text);
  sink.uncork();
  sink.end('d');
  await once(sink, 'finish');
  return batches;
});
await tell('events', async () => {
  const log = [];
  const through = new PassThrough();
  for (const event of ['readable', 'end', 'finish', 'close', 'pipe', 'unpipe', 'resume', 'pause'])
    through.on(event, () => log.push(event));
  through.write('x');
  through.end();
  await once(through, 'readable');
  while (through.read() !== null);
  await once(through, 'close');
  return log;
});
await tell('encoding', async () => {
  const source = new PassThrough({ encoding: 'utf8' });
  const bytes = Buffer.from('日本');
  for (const byte of bytes) source.write(Buffer.from([byte]));
  source.end();
  return (await source.toArray()).join('|');
});
await tell('StringDecoder', () => {
  const decoder = new StringDecoder('utf8');
  const parts = [...Buffer.from('é€🎉')].map((byte) => decoder.write(Buffer.from([byte])));
  return [parts, decoder.end(Buffer.from([0xe2, 0x82]))];
});
await tell('Duplex.from', async () => {
  const duplex = Duplex.from(async function* (source) {
    for await (const chunk of source) yield String(chunk).toUpperCase();
  });
  duplex.end('yes');
  return (await duplex.toArray()).map(String);
});
await tell('compose', async () => {
  const composed = stream.compose(
    async function* (source) {
      for await (const chunk of source) yield `${chunk}1`;
    },
    async function* (source) {
      for await (const chunk of source) yield `${chunk}2`;
    },
  );
  composed.end('0');
  return (await composed.toArray()).map(String);
});
await tell('addAbortSignal', async () => {
  const control = new AbortController();
  const source = stream.addAbortSignal(control.signal, new PassThrough());
  control.abort();
  return (await once(source, 'error')).name;
});
await tell('highWaterMark', () => [stream.getDefaultHighWaterMark(false), stream.getDefaultHighWaterMark(true)]);
