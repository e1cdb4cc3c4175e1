/** The action that does what actions do: every facility that end-to-end tests promise, in one. */
import { zip } from '@ebbwhisk/action-runtime/testing/archives';

/** index.js of the archive below. Parameter `port`: where a server on the host's 127.0.0.1 listens. */
const everything = `
const crypto = require('crypto');
const http = require('http');
const count = require('letter-count');

async function main({ port, text, word }) {
  const server = http.createServer((request, response) => response.end('from inside: ' + request.url));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const inside = await fetch('http://127.0.0.1:' + server.address().port + '/own').then((reply) => reply.text());
  await new Promise((closed) => server.close(closed));

  const outside = await fetch('http://10.0.2.2:' + port + '/host', { method: 'POST', body: text });

  const bytes = Buffer.from(text, 'utf8');
  const openwhisk = require('openwhisk');
  const other = await openwhisk().actions.invoke({ name: 'e2e-other', params: { word }, blocking: true, result: true });

  console.log('first line');
  console.error('to stderr');
  console.log('%s lines, %j', 'formatted', { of: text });
  process.stdout.write('without its end');
  return {
    inside,
    outside: { status: outside.status, body: await outside.json() },
    base64: bytes.toString('base64'),
    sha256: crypto.createHash('sha256').update(bytes).digest('hex'),
    random: crypto.randomBytes(16).toString('hex'),
    letters: count(word),
    other,
    environment: {
      action: process.env.__OW_ACTION_NAME,
      version: process.env.__OW_ACTION_VERSION,
      namespace: process.env.__OW_NAMESPACE,
      activationId: process.env.__OW_ACTIVATION_ID,
      hasKey: typeof process.env.__OW_API_KEY === 'string',
      secondsLeft: (Number(process.env.__OW_DEADLINE) - Date.now()) / 1000,
    },
  };
}

exports.main = main;
`;

export const expectedLines = [
  'stdout: first line',
  'stderr: to stderr',
  'stdout: formatted lines, {"of":"naïve ☃"}',
  'stdout: without its end',
];

/** A zip as `zip -r` makes it of a project folder after `npm install`: one dependency, which has a dependency itself. */
export function everythingZip(): Buffer {
  return zip([
    [
      'package.json',
      JSON.stringify({ name: 'everything', main: 'index.js', dependencies: { 'letter-count': '^1.0.0' } }),
    ],
    ['index.js', everything],
    [
      'node_modules/letter-count/package.json',
      JSON.stringify({ name: 'letter-count', version: '1.0.3', main: './lib' }),
    ],
    [
      'node_modules/letter-count/lib/index.js',
      "const letters = require('@made-up/letters'); module.exports = (word) => letters(word).length;",
    ],
    [
      'node_modules/@made-up/letters/package.json',
      JSON.stringify({ name: '@made-up/letters', version: '2.0.0', exports: { '.': { require: './main.cjs' } } }),
    ],
    ['node_modules/@made-up/letters/main.cjs', 'module.exports = (word) => [...word];'],
  ]);
}

export const otherAction = 'function main({ word }) { return { reversed: [...word].reverse().join("") }; }';
