/**
 * Activations as REST shows them: the whole record, the entry of a list, result and logs. Status numbers become texts in
 * records, while list entries keep the number.
 */

import type { ActivationResponse } from '@ebbwhisk/invoker/protocol/activation-record.ts';
import { activationStatusTexts } from '@ebbwhisk/invoker/protocol/activation-record.ts';
import type { Json } from '@ebbwhisk/invoker/protocol/json.ts';
import { isJsonObject, type JsonObject, numberOf, own } from './json.ts';

const shown = [
  'namespace',
  'name',
  'version',
  'subject',
  'activationId',
  'cause',
  'start',
  'end',
  'duration',
  'response',
  'logs',
  'annotations',
  'publish',
] as const;

export function showActivation(record: JsonObject): JsonObject {
  const view: JsonObject = {};
  for (const key of shown) {
    const value = own(record, key);
    if (value !== undefined) view[key] = value;
  }
  view.response = showResponse(own(record, 'response'));
  const times = endAndDuration(record);
  if (times === undefined) delete view.end;
  else Object.assign(view, times);
  return view;
}

/** Absent while the activation has no end (triggers). */
function endAndDuration(record: JsonObject): { end: number; duration: number } | undefined {
  const end = numberOf(own(record, 'end')) ?? 0;
  if (end === 0) return undefined;
  return { end, duration: numberOf(own(record, 'duration')) ?? end - (numberOf(own(record, 'start')) ?? end) };
}

/** `{result, size, status, success}`: the number statusCode stays inside. */
export function showResponse(response: Json | undefined): JsonObject {
  const { statusCode: _, ...rest } = isJsonObject(response) ? response : {};
  const code = statusCodeOf(response);
  return { ...rest, status: activationStatusTexts[code] ?? activationStatusTexts[3], success: code === 0 };
}

export function statusCodeOf(response: Json | undefined): ActivationResponse['statusCode'] {
  const code = isJsonObject(response) ? own(response, 'statusCode') : undefined;
  return code === 0 || code === 1 || code === 2 ? code : 3;
}

export function showLogs(record: JsonObject): JsonObject {
  return { logs: own(record, 'logs') ?? [] };
}

export function summariseActivation(record: JsonObject): JsonObject {
  const view: JsonObject = {};
  for (const key of ['namespace', 'name', 'version', 'publish', 'annotations', 'activationId', 'start', 'cause']) {
    const value = own(record, key);
    if (value !== undefined) view[key] = value;
  }
  const times = endAndDuration(record);
  return times === undefined ? view : { ...view, ...times, statusCode: statusCodeOf(own(record, 'response')) };
}

/** What `?name=` of a list selects by: `name`, or `package/name` by the action's own path or its binding. */
export function filterPath(record: JsonObject): string {
  const name = String(own(record, 'name') ?? '');
  const annotations = own(record, 'annotations');
  let path: string | undefined;
  let binding: string | undefined;
  for (const each of Array.isArray(annotations) ? annotations : []) {
    if (!isJsonObject(each)) continue;
    const value = own(each, 'value');
    if (typeof value !== 'string') continue;
    if (own(each, 'key') === 'path') path = value;
    if (own(each, 'key') === 'binding') binding = value;
  }
  const bound = binding?.split('/')[1];
  if (bound !== undefined) return `${bound}/${name}`;
  const parts = path?.split('/') ?? [];
  return parts.length === 3 ? `${parts[1]}/${name}` : name;
}
