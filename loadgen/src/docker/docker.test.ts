/**
 * No engine is needed: a fake program stands for its command line, and only for that (which one is found, what it is asked). The server
 * behind it is the real action runtime, in plain Node.
 */

import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootProcess, type Vm } from '@ebbwhisk/libos-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { uniqueFunction } from '../functions.ts';
import { measureCold } from '../vm/cold.ts';
import { addressIn, Container, runArguments } from './container.ts';
import { ensureImage, findEngine } from './engine.ts';

const signal = new AbortController().signal;
const image = 'openwhisk/action-nodejs-v24';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ebbwhisk-engine-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes down what it is asked; `script` sees it as $*. */
async function fakeEngine(name: string, script: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\necho "$*" >> ${folder}/asked\ncase "$*" in\n${script}\nesac\n`);
  await chmod(path, 0o755);
}

async function asked(): Promise<string[]> {
  return (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n');
}

test('no engine: one line says of each why not', async () => {
  await fakeEngine('docker', 'ps*) echo "Cannot connect to the Docker daemon" >&2; exit 1;;');
  await expect(findEngine(folder)).rejects.toMatchObject({
    code: 'ENGINE_MISSING',
    message:
      'There is no container engine that works. docker: Cannot connect to the Docker daemon; podman: not on the PATH; nerdctl: not on the PATH',
  });
});

test('the first that answers is taken; relative folders of the PATH are not searched', async () => {
  await fakeEngine('docker', 'ps*) exit 1;;');
  await fakeEngine('nerdctl', 'ps*) ;;');
  expect(await findEngine(`.:${folder}`)).toEqual({ name: 'nerdctl', path: join(folder, 'nerdctl') });
});

test('an image that is there is not pulled; one that cannot be pulled is a typed error', async () => {
  await fakeEngine('podman', `"image inspect ${image}") ;; ps*) ;; *) echo "denied" >&2; exit 1;;`);
  const engine = await findEngine(folder);
  await ensureImage(engine, image, signal);
  expect(await asked()).toEqual(['ps --quiet', `image inspect ${image}`]);
  await expect(ensureImage(engine, 'other', signal)).rejects.toMatchObject({
    code: 'IMAGE_MISSING',
    message: expect.stringMatching(/other: denied$/),
  });
});

test('the flags of the stock invoker', () => {
  expect(runArguments('name', image, 256).join(' ')).toBe(
    `run --detach --name name --memory 256m --memory-swap 256m --network bridge --publish 127.0.0.1::8080 --cap-drop NET_RAW --cap-drop NET_ADMIN --ulimit nofile=1024:1024 --pids-limit 1024 ${image}`,
  );
});

test.each([
  ['127.0.0.1:49153', '127.0.0.1:49153'],
  ['0.0.0.0:1\n127.0.0.1:2', '127.0.0.1:2'],
  ['nothing', undefined],
])('the address in %j', (text, address) => {
  expect(addressIn(text)).toBe(address);
});

test('a container that does not start is a typed error, and is removed', async () => {
  await fakeEngine('docker', 'ps*) ;; run*) echo "no such network" >&2; exit 125;;');
  const engine = await findEngine(folder);
  await expect(Container.start({ engine, image, memoryMb: 256, signal })).rejects.toMatchObject({
    code: 'CONTAINER_FAILED',
    message: expect.stringContaining('no such network'),
  });
  expect((await asked()).at(-1)).toMatch(/^rm --force ebbwhisk-loadgen-/);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

test('a cold start over TCP, from before the server listens to its checked answer', async () => {
  const port = await freePort();
  await fakeEngine('docker', `port*) echo 127.0.0.1:${port};;`);
  const engine = await findEngine(folder);
  let vm: Promise<Vm> | undefined;
  try {
    const make = async () => {
      const container = await Container.start({ engine, image, memoryMb: 256, signal });
      // The server comes later than the container, as it does in one.
      vm = bootProcess({ kind: 'nodejs:24', memoryMb: 256, port });
      return container;
    };
    const measured = await measureCold(make, { count: 1, concurrency: 1, signal }, 0);
    expect(measured.errorTexts).toEqual([]);
    expect(measured).toMatchObject({ count: 1, errors: 0, starts: { cold: 1 } });
  } finally {
    await (await vm)?.end();
  }
  const commands = (await asked()).map((line) => line.split(' ')[0]);
  expect(commands).toEqual(['ps', 'run', 'port', 'rm']);
});

test('a wrong answer over TCP is an error; so is a second /init', async () => {
  const port = await freePort();
  await fakeEngine('docker', `port*) echo 127.0.0.1:${port};;`);
  const vm = await bootProcess({ kind: 'nodejs:24', memoryMb: 256, port });
  const container = await Container.start({ engine: await findEngine(folder), image, memoryMb: 256, signal });
  try {
    const measured = uniqueFunction();
    await container.init(measured);
    await container.run(measured, 1);
    await expect(container.run({ ...measured, check: () => 'not mine' }, 2)).rejects.toThrow('not mine');
    await expect(container.init(measured)).rejects.toThrow('/init answered 403');
  } finally {
    await container.end();
    await vm.end();
  }
});
