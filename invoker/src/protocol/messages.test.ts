import { describe, expect, test } from 'vitest';
import { parseJson, stringifyJson } from './json.ts';
import {
  ackActivationId,
  parseAck,
  parseActivationMessage,
  parsePingMessage,
  serialiseAck,
  serialiseActivationMessage,
  serialisePingMessage,
  shrinkAck,
  transidMeta,
} from './messages.ts';

const kId = '44794bd6aab74415b4e42a308d880e5b';
const kInvoker =
  '{"instance":0,"userMemory":"1073741824 B","instanceType":"invoker","tags":[],"dedicatedNamespaces":[]}';
const kMessage =
  '{"transid":["7Qn5",1700000000000],"action":{"path":"guest","name":"hello","version":"0.0.1"},"revision":"1-abc",' +
  '"user":{"subject":"guest","namespace":{"name":"guest","uuid":"23bc46b1"},"authkey":{"api_key":"u:k"},"rights":["READ"],"limits":{}},' +
  `"activationId":"${kId}","rootControllerIndex":{"asString":"0","instanceType":"controller"},` +
  '"blocking":true,"content":{"big":12345678901234567890,"one":1.0},"initArgs":["V"],"lockedArgs":{"s":"aes-128"},' +
  `"cause":"${kId}","traceContext":{"k":"v"}}`;
const kActivation =
  `{"namespace":"guest","name":"hello","version":"0.0.1","subject":"guest","activationId":"${kId}","start":1,"end":2,` +
  '"duration":1,"response":{"statusCode":0,"result":{"one":1.0},"size":11},"logs":[],' +
  '"annotations":[{"key":"path","value":"guest/hello"}],"publish":false}';

describe('json', () => {
  test.each([
    '12345678901234567890',
    '1.0',
    '-0',
    '[1e2,1E2,0.10]',
    '{"a":-0.5,"b":[123456789012345,1234567890123456,12345678901234567]}',
    '{"text":"1.0 and 12345678901234567890"}',
    '0',
    ' [ 1.50 ] ',
  ])('%s keeps its spelling', (text) => {
    expect(stringifyJson(parseJson(text))).toBe(text.replaceAll(' [ ', '[').replaceAll(' ] ', ']'));
  });
});

describe('ActivationMessage', () => {
  test('goes through unchanged', () => {
    expect(serialiseActivationMessage(parseActivationMessage(kMessage))).toBe(kMessage);
  });

  test('may have null for absent options, arrays as content, and fields that nobody knows', () => {
    const message = parseActivationMessage(
      kMessage
        .replace(`"cause":"${kId}"`, '"cause":null,"future":1')
        .replace('"version":"0.0.1"', '"version":null')
        .replace('"revision":"1-abc"', '"revision":null')
        .replace('{"big":12345678901234567890,"one":1.0}', '[1.0]'),
    );
    expect(message.cause).toBeUndefined();
    expect(message.action.version).toBeUndefined();
    expect(message.revision).toBeNull();
    expect(stringifyJson(message.content)).toBe('[1.0]');
  });

  test.each([
    ['no JSON', '{'],
    ['an array', '[]'],
    ['a missing field', kMessage.replace('"blocking":true,', '')],
    ['a path for an id', kMessage.replace(`"activationId":"${kId}"`, '"activationId":"../x"')],
    ['an odd controller', kMessage.replace('"asString":"0"', '"asString":"a/b"')],
  ])('is refused with %s', (_what, text) => {
    expect(() => parseActivationMessage(text)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
  });
});

describe('transid', () => {
  test.each([
    ['["a",1]', { id: 'a', start: 1, extraLogging: false, parent: undefined }],
    ['["a",1,true]', { id: 'a', start: 1, extraLogging: true, parent: undefined }],
    ['["a",1,["p",2]]', { id: 'a', start: 1, extraLogging: false, parent: expect.objectContaining({ id: 'p' }) }],
    ['["a",1,true,["p",2]]', { id: 'a', start: 1, extraLogging: true, parent: expect.objectContaining({ start: 2 }) }],
    ['["a",1.0]', { id: 'a', start: 1, extraLogging: false, parent: undefined }],
    ['[7]', { id: 'sid_unknown', start: undefined, extraLogging: false, parent: undefined }],
  ])('%s', (text, meta) => {
    const { transid } = parseActivationMessage(kMessage.replace('["7Qn5",1700000000000]', text));
    expect(transidMeta(transid)).toEqual(meta);
    expect(stringifyJson(transid)).toBe(text);
  });
});

describe('acks', () => {
  const result = `{"transid":["a",1],"response":${kActivation}}`;
  const completion = `{"transid":["a",1],"activationId":"${kId}","isSystemError":false,"instance":${kInvoker}}`;
  const combined = `{"transid":["a",1],"response":${kActivation},"isSystemError":true,"instance":${kInvoker}}`;

  test.each([
    ['result', result],
    ['completion', completion],
    ['combined', combined],
    ['result', `{"transid":["a",1],"response":"${kId}"}`],
  ])('%s goes through unchanged', (kind, text) => {
    const ack = parseAck(text);
    expect(ack.kind).toBe(kind);
    expect(ackActivationId(ack)).toBe(kId);
    expect(serialiseAck(ack)).toBe(text);
  });

  test('shrink to the id', () => {
    expect(serialiseAck(shrinkAck(parseAck(result)))).toBe(`{"transid":["a",1],"response":"${kId}"}`);
    expect(serialiseAck(shrinkAck(parseAck(completion)))).toBe(completion);
  });

  test.each(['{"transid":["a",1]}', `{"transid":["a",1],"instance":${kInvoker}}`, '{"response":"x"}'])(
    '%s is refused',
    (text) => {
      expect(() => parseAck(text)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
    },
  );
});

test('PingMessage, also of 1.0.0', () => {
  const text = `{"name":${kInvoker},"isEnabled":true}`;
  expect(serialisePingMessage(parsePingMessage(text))).toBe(text);
  expect(parsePingMessage('{"name":{"instance":3,"userMemory":"1 GB"}}').name.instance).toBe(3);
});
