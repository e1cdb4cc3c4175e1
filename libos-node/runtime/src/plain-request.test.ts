import { expect, test } from 'vitest';
import { readPlainRequest } from './plain-request.ts';

const read = (text: string) => {
  const request = readPlainRequest(Buffer.from(text));
  return request && { path: request.path, body: request.body.toString() };
};

const head = 'POST /run HTTP/1.1\r\nHost: vm\r\n';

test('a plain request is read', () => {
  expect(read(`${head}content-length: 3\r\nconnection: keep-alive\r\naccept: */*\r\n\r\n{ }`)).toEqual({
    path: '/run',
    body: '{ }',
  });
  expect(read('POST /code-cache HTTP/1.1\r\nCONTENT-LENGTH:0\r\nhost: vm\r\n\r\n')).toEqual({
    path: '/code-cache',
    body: '',
  });
  expect(read(`${head}content-length: 4\r\n\r\n\r\n\r\n`)).toEqual({ path: '/run', body: '\r\n\r\n' });
});

const others: Record<string, string> = {
  'another method': 'GET /run HTTP/1.1\r\nHost: vm\r\nContent-Length: 0\r\n\r\n',
  'another version': 'POST /run HTTP/1.0\r\nHost: vm\r\nContent-Length: 0\r\n\r\n',
  'a query': 'POST /run?a HTTP/1.1\r\nHost: vm\r\nContent-Length: 0\r\n\r\n',
  'half a head': `${head}Content-Length: 0\r\n`,
  'half a body': `${head}Content-Length: 4\r\n\r\n{}`,
  'more than the body': `${head}Content-Length: 2\r\n\r\n{}\r\n`,
  'no length': `${head}\r\n`,
  'two lengths': `${head}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
  'a length with a sign': `${head}Content-Length: +2\r\n\r\n{}`,
  'a length that is none': `${head}Content-Length: 0x2\r\n\r\n{}`,
  'length and chunks': `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
  'no host': 'POST /run HTTP/1.1\r\nContent-Length: 0\r\n\r\n',
  'two hosts': `${head}Host: b\r\nContent-Length: 0\r\n\r\n`,
  'a folded field': `${head}A: b\r\n c\r\nContent-Length: 0\r\n\r\n`,
  'a space before the colon': `${head}Content-Length : 0\r\n\r\n`,
  'a bare line feed': `${head}A: b\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}`,
  'a bare carriage return': `${head}A: b\rc\r\nContent-Length: 2\r\n\r\n{}`,
  'an expectation': `${head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`,
  'an upgrade': `${head}Upgrade: h2c\r\nContent-Length: 2\r\n\r\n{}`,
  'an end': `${head}Connection: close\r\nContent-Length: 2\r\n\r\n{}`,
  nothing: '',
};

for (const [what, text] of Object.entries(others)) {
  test(`left to an HTTP server: ${what}`, () => {
    expect(read(text)).toBeUndefined();
  });
}
