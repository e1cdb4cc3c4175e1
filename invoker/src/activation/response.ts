/** What a reply of the VM means for the activation: status code, result and size, by OpenWhisk's rules. */

import type { ExitReport } from '@ebbwhisk/libos-node';
import type { VmReply } from '../container/vm-client.ts';
import type { ActivationResponse, StatusCode } from '../protocol/activation-record.ts';
import { type Json, parseJson } from '../protocol/json.ts';
import { isJsonObject } from '../protocol/schema.ts';
import { type ActivationErrorCode, activationErrors, activationErrorText, type Phase } from './errors.ts';

type Response = Extract<VmReply, { kind: 'response' }>;

export function errorResponse(statusCode: StatusCode, error: Json, size?: number): ActivationResponse {
  return size === undefined ? { statusCode, result: { error } } : { statusCode, result: { error }, size };
}

export function whiskError(code: ActivationErrorCode): ActivationResponse {
  return errorResponse(3, activationErrors[code]);
}

export function applicationError(code: ActivationErrorCode): ActivationResponse {
  return errorResponse(1, activationErrors[code]);
}

export function timeoutResponse(limitMs: number, phase: Phase): ActivationResponse {
  return errorResponse(2, activationErrorText.timedOut(limitMs, phase));
}

/** The VM died (or at least its connection did) before it had answered. */
export function exitResponse(exit: ExitReport | undefined, phase: Phase): ActivationResponse {
  if (exit?.reason === 'memory') return errorResponse(2, activationErrors.MEMORY);
  return errorResponse(2, phase === 'init' ? activationErrors.INIT_EXITED : activationErrors.RUN_EXITED);
}

export function isInitOk(reply: Response): boolean {
  return reply.status === 200 && reply.truncated === undefined;
}

/** Of an /init that was not OK. */
export function initFailure(reply: Response, maxBytes: number): ActivationResponse {
  const { body, truncated } = reply;
  if (truncated !== undefined) {
    return errorResponse(2, activationErrorText.truncatedResponse(body, truncated, maxBytes), truncated);
  }
  const error = errorOf(tryParse(body));
  return errorResponse(2, error ?? activationErrorText.invalidInitResponse(body), body.length);
}

export function runResponse(reply: Response, maxBytes: number): ActivationResponse {
  const { status, body, truncated } = reply;
  if (truncated !== undefined) {
    return errorResponse(1, activationErrorText.truncatedResponse(body, truncated, maxBytes), truncated);
  }
  const result = tryParse(body);
  const size = body.length;
  const error = errorOf(result);
  if (status === 200 && error !== undefined) return errorResponse(1, error, size);
  if (status === 200 && (isJsonObject(result) || Array.isArray(result))) return { statusCode: 0, result, size };
  return errorResponse(2, error ?? activationErrorText.invalidRunResponse(body), size);
}

/** The `error` field of a JSON object. Stock OpenWhisk keeps this field alone of a failed result. */
function errorOf(result: Json | undefined): Json | undefined {
  return isJsonObject(result) && Object.hasOwn(result, 'error') ? result['error'] : undefined;
}

function tryParse(body: string): Json | undefined {
  try {
    return parseJson(body);
  } catch {
    return undefined;
  }
}
