/**
 * The one shape that nearly every request has: POST with a content length, that came whole in one piece. Reading it takes a small part of
 * what an HTTP server runs and writes, which a new clone would have to copy and read page by page. Undefined is said of
 * whatever differs in any way, right or wrong: an HTTP server has to look at it.
 */

export interface PlainRequest {
  readonly path: string;
  readonly body: Buffer;
}

const headEnd = '\r\n\r\n';

const startLine = /^POST (\/[\w-]*) HTTP\/1\.1$/;

const field = /^([\w-]+):[ \t]*([\t\x20-\x7e]*)$/;

export function readPlainRequest(bytes: Buffer): PlainRequest | undefined {
  const end = bytes.indexOf(headEnd);
  if (end === -1) return undefined;
  const lines = bytes.toString('latin1', 0, end).split('\r\n');
  const path = startLine.exec(lines[0] ?? '')?.[1];
  if (path === undefined) return undefined;
  let hosts = 0;
  let length: number | undefined;
  for (let n = 1; n < lines.length; n += 1) {
    const [, name = '', value = ''] = field.exec(lines[n] ?? '') ?? [];
    switch (name.toLowerCase()) {
      case 'host':
        hosts += 1;
        break;
      case 'content-length':
        if (length !== undefined || !/^\d{1,9}$/.test(value)) return undefined;
        length = Number(value);
        break;
      case 'connection':
        if (value !== 'keep-alive') return undefined;
        break;
      // No field at all, and what changes how the rest is to be read.
      case '':
      case 'transfer-encoding':
      case 'expect':
      case 'upgrade':
        return undefined;
    }
  }
  const start = end + headEnd.length;
  if (hosts !== 1 || length === undefined || bytes.length !== start + length) return undefined;
  return { path, body: bytes.subarray(start) };
}
