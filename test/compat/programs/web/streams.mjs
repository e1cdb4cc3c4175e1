import { Readable, Writable } from 'node:stream';
import { tell } from '../support/tell.mjs';

const numbers = (count) => {
  let i = 0;
  return new ReadableStream({
    pull(controller) {
      if (i === count) controller.close();
      else controller.enqueue(i++);
    },
  });
};
await tell('iterate', async () => {
  const seen = [];
  for await (const value of numbers(4)) seen.push(value);
  return seen;
});
await tell('transform', async () => {
  const seen = [];
  const doubled = numbers(4).pipeThrough(
    new TransformStream({ transform: (value, controller) => controller.enqueue(value * 2) }),
  );
  for await (const value of doubled) seen.push(value);
  return seen;
});
await tell('tee', async () => {
  const sum = async (stream) => {
    let total = 0;
    for await (const value of stream) total += value;
    return total;
  };
  return Promise.all(numbers(5).tee().map(sum));
});
await tell('backpressure', async () => {
  const log = [];
  const stream = new WritableStream(
    {
      async write(chunk) {
        log.push(`begin ${chunk}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
        log.push(`end ${chunk}`);
      },
    },
    new CountQueuingStrategy({ highWaterMark: 2 }),
  );
  const writer = stream.getWriter();
  log.push(writer.desiredSize);
  writer.write('a');
  log.push(writer.desiredSize);
  writer.write('b');
  log.push(writer.desiredSize);
  await writer.ready;
  log.push('ready');
  await writer.close();
  return log;
});
await tell('error', async () => {
  const stream = new ReadableStream({ start: (controller) => controller.error(new Error('broken')) });
  return stream.getReader().read();
});
await tell('cancel', async () => {
  let reason;
  const stream = new ReadableStream({
    cancel(value) {
      reason = value;
    },
  });
  await stream.cancel('enough');
  return reason;
});
await tell('bytes', async () => {
  const stream = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const view = controller.byobRequest.view;
      view[0] = 7;
      controller.byobRequest.respond(1);
    },
  });
  const { value } = await stream.getReader({ mode: 'byob' }).read(new Uint8Array(4));
  return value;
});
await tell('compression', async () => {
  const text = 'compress me '.repeat(1000);
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  const unpacked = packed.pipeThrough(new DecompressionStream('gzip'));
  return (await new Response(unpacked).text()) === text;
});
await tell('text', async () =>
  new Response(
    new Blob(['häh']).stream().pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()),
  ).text(),
);
await tell('to and from Node', async () => {
  const seen = [];
  await Readable.toWeb(Readable.from(['a', 'b'])).pipeTo(
    Writable.toWeb(new Writable({ objectMode: true, write: (chunk, encoding, done) => (seen.push(chunk), done()) })),
  );
  for await (const value of Readable.fromWeb(numbers(2), { objectMode: true })) seen.push(value);
  return seen;
});
await tell('from', async () => {
  if (ReadableStream.from === undefined) return 'absent';
  const seen = [];
  for await (const value of ReadableStream.from([1, 2])) seen.push(value);
  return seen;
});
