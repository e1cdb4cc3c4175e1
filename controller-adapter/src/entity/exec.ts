/**
 * The executable part of an action as a client sends it: `{kind, code, main?}`. Kinds without a runtime, sequences and
 * Docker images are refused by name. `binary` is derived from the code (base64 text), never believed.
 */

import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import { apiError } from '../errors.ts';
import type { ControllerSettings } from '../settings.ts';
import { isJsonObject, own } from './json.ts';

export interface ExecMeta {
  readonly kind: string;
  readonly binary: boolean;
  readonly main?: string;
}

export interface Exec extends ExecMeta {
  readonly code: string;
}

export function decodeExec(json: Json, settings: ControllerSettings): Exec {
  if (!isJsonObject(json)) throw apiError('MALFORMED_CONTENT', 'JSON object expected');
  const kind = own(json, 'kind');
  if (typeof kind !== 'string') throw apiError('MALFORMED_CONTENT', "'kind' must be a string defined in 'exec'");
  const resolved = resolveKind(kind.trim().toLowerCase(), settings);
  const code = own(json, 'code');
  if (typeof code !== 'string') {
    const why = `'code' must be a string or attachment object defined in 'exec' for '${resolved}' actions`;
    throw apiError('MALFORMED_CONTENT', why);
  }
  const main = own(json, 'main');
  if (main !== undefined && typeof main !== 'string') {
    throw apiError('MALFORMED_CONTENT', `if defined, 'main' be a string in 'exec' for '${resolved}' actions`);
  }
  return { kind: resolved, binary: isBase64(code), code, ...(main === undefined ? {} : { main }) };
}

function resolveKind(kind: string, settings: ControllerSettings): string {
  if (kind === 'sequence') throw apiError('NOT_SUPPORTED', 'Sequences are');
  if (kind === 'blackbox') throw apiError('NOT_SUPPORTED', 'Docker (blackbox) actions are');
  if (kind === 'nodejs:default') return settings.defaultKind;
  if (settings.kinds.includes(kind)) return kind;
  const valid = settings.kinds.map((each) => `'${each}'`).join(', ');
  const why = `The specified runtime '${kind}' is not supported by this platform. Valid values are: ${valid}.`;
  throw apiError('MALFORMED_CONTENT', why);
}

export function execSize(exec: Exec): number {
  return Buffer.byteLength(exec.code) + (exec.main === undefined ? 0 : Buffer.byteLength(exec.main));
}

/**
 * Whether the text, trimmed, is base64 of at least one byte. A loop because the text may have 48 million characters,
 * where a regular expression with a repeated group runs out of stack; source text fails within its first line.
 */
export function isBase64(text: string): boolean {
  const trimmed = text.trim();
  const { length } = trimmed;
  if (length === 0 || length % 4 !== 0) return false;
  const padding = trimmed.endsWith('==') ? 2 : trimmed.endsWith('=') ? 1 : 0;
  for (let index = 0; index < length - padding; index += 1) {
    const char = trimmed.charCodeAt(index);
    const lower = char | 0x20;
    const letter = lower >= 0x61 && lower <= 0x7a;
    // Digits, '+', '/'.
    if (!letter && !(char >= 0x30 && char <= 0x39) && char !== 0x2b && char !== 0x2f) return false;
  }
  return true;
}
